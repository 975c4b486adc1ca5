from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from postgres_server import PostgresServer
from served_days import DAY, MIGRATIONS, day_of, house_on, publish
from sqlalchemy import Engine, inspect, text

from trading_assets.features.matrix import feature_names
from trading_assets.health.inspection import comparison
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.schema import MODEL_VERSION, TS_GRID, forecast_bps
from trading_assets.sections import FeatureSettings, LabelSettings
from trading_assets.serving.load import load
from trading_assets.serving.tables import DAY as DAY_COLUMN
from trading_assets.serving.tables import INSTRUMENT_ID, OTHERS, PARTS, SERVED
from trading_assets.settings import Settings
from trading_assets.storage.catalog import Base
from trading_assets.storage.database.migrate import migrating
from trading_assets.storage.database.roles import READER, WRITER, named


def check(engine: Engine) -> None:
    """Run `alembic check` by Alembic's own entry."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with migrating(engine) as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_the_database_has_a_column_for_each_feature_and_horizon_of_the_default_settings(house: Warehouse) -> None:
    keys = {INSTRUMENT_ID, TS_GRID, DAY_COLUMN, OTHERS}
    wanted = {
        "served_features": {*keys, *feature_names(FeatureSettings())},
        "served_forecasts": {*keys, MODEL_VERSION, *map(forecast_bps, LabelSettings().horizons_s)},
    }
    found = inspect(house.lake.engine)

    missing = {name: columns ^ {each["name"] for each in found.get_columns(name)} for name, columns in wanted.items()}
    assert {"served_features": set(), "served_forecasts": set()} == missing, (
        "a feature or horizon was added or removed: write a revision under migrations/ (CONTRIBUTING.md)"
    )


def test_alembic_finds_nothing_to_change_partitioned_tables_included(house: Warehouse) -> None:
    check(house.lake.engine)
    with house.lake.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=comparison(connection))
        assert [] == compare_metadata(context, Base.metadata)


def test_alembic_sees_a_column_that_a_partitioned_table_lacks(settings: Settings, server: PostgresServer) -> None:
    house = house_on(settings, server)
    with house.lake.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE served_features DROP COLUMN mid_px")

    with house.lake.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=comparison(connection))
        ((verb, _, table, column),) = compare_metadata(context, Base.metadata)
    assert ("add_column", "served_features", "mid_px") == (verb, table, column.name)


def test_on_postgres_each_table_has_its_parts_and_elsewhere_none(house: Warehouse) -> None:
    on_server = house.lake.engine.dialect.name == "postgresql"

    assert (PARTS if on_server else set()) == PARTS & set(inspect(house.lake.engine).get_table_names())


def test_a_query_for_one_instrument_reads_one_part_by_its_key(on_postgres: Warehouse) -> None:
    publish(on_postgres, DAY, day_of(DAY, 3_000))
    load(on_postgres.lake, "book_features", DAY)
    with on_postgres.lake.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE served_features")
        plan = "\n".join(
            connection.scalars(
                text(
                    "EXPLAIN SELECT ts_grid, mid_px FROM served_features WHERE instrument_id = 'BTCUSDT.BINANCE' "
                    "AND ts_grid >= '2024-08-08 00:10+00' AND ts_grid < '2024-08-08 00:11+00'"
                )
            )
        )

    assert 1 == sum(part in plan for part in PARTS), plan
    assert "Index Scan" in plan


def test_a_writer_loads_and_a_reader_only_reads(on_postgres: Warehouse, server: PostgresServer) -> None:
    name = on_postgres.lake.engine.url.database
    for role in (WRITER, READER):
        server.run_sql(f"CREATE ROLE {role}_of_{name} LOGIN IN ROLE {named('development', role)}")
    publish(on_postgres, DAY, day_of(DAY, 3))
    url = on_postgres.settings.catalog.url.get_secret_value()
    for role in (WRITER, READER):
        section = on_postgres.settings.catalog.model_copy(
            update={"url": type(on_postgres.settings.catalog.url)(url.replace("postgres@", f"{role}_of_{name}@"))}
        )
        house = Warehouse.open(on_postgres.settings.model_copy(update={"catalog": section}))
        if role == WRITER:
            assert 3 == load(house.lake, "book_features", DAY).n_rows
            publish(on_postgres, DAY, day_of(DAY, 2))
            assert 2 == load(house.lake, "book_features", DAY).n_rows
        with house.lake.engine.connect() as connection:
            for table in [*(each.name for each in SERVED.values()), "served_partitions"]:
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}")  # noqa: S608 - a constant
        house.lake.engine.dispose()
