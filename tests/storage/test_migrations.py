import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from trading_assets.errors import TradingAssetsError
from trading_assets.health.inspection import comparison
from trading_assets.settings import Settings
from trading_assets.storage.catalog import Base
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.database.schema import SCHEMA, VERSION_TABLE

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def test_upgrading_an_empty_database_makes_the_tables_of_the_models(settings: Settings) -> None:
    engine = open_engine(settings)
    upgrade_catalog(engine, MIGRATIONS)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=comparison(connection))
        assert [] == compare_metadata(context, Base.metadata)


def test_the_schema_that_is_asked_for_is_the_newest_revision() -> None:
    assert SCHEMA == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_downgrading_to_base_leaves_nothing_and_upgrading_again_works(settings: Settings) -> None:
    engine = open_engine(settings)
    upgrade_catalog(engine, MIGRATIONS)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    assert {VERSION_TABLE} == set(inspect(engine).get_table_names()) - {"sqlite_sequence"}
    upgrade_catalog(engine, MIGRATIONS)
    assert set(Base.metadata.tables) < set(inspect(engine).get_table_names())


def test_a_schema_of_newer_code_is_refused_with_what_to_do(settings: Settings) -> None:
    engine = open_engine(settings)
    upgrade_catalog(engine, MIGRATIONS)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"update {VERSION_TABLE} set version_num = '9999'")  # noqa: S608 - a constant

    with pytest.raises(TradingAssetsError, match="update trading_assets"):
        upgrade_catalog(engine, MIGRATIONS)


def test_an_upgrade_that_is_interrupted_leaves_nothing_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(settings)
    with monkeypatch.context() as patch:
        patch.setattr("sqlalchemy.engine.Transaction.commit", _killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade_catalog(engine, MIGRATIONS)
    assert [] == inspect(engine).get_table_names()

    upgrade_catalog(engine, MIGRATIONS)
    assert set(Base.metadata.tables) < set(inspect(engine).get_table_names())


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_migrators_at_once_do_no_harm(settings: Settings) -> None:
    errors: list[BaseException] = []

    def migrate() -> None:
        try:
            upgrade_catalog(open_engine(settings), MIGRATIONS)
        except BaseException as error:  # noqa: BLE001 - whatever a thread raises, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == errors
