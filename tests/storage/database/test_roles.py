"""The matrix of roles: what is written down is what a migrated database has, and what its server lets users do."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from catalogues import MIGRATIONS, SCHEMA_NAME, Chain, Databases, Upgrades, content, fill
from crash_house import ASSETS, NEW, PARTITION, PASSED, SCENARIOS, drafted
from sqlalchemy.exc import DBAPIError

from trading_assets.errors import CatalogFailed
from trading_assets.health.inspection import check_catalog, matrix
from trading_assets.look import Look
from trading_assets.orchestration.bootstrap import prepare
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.attempts import begun
from trading_assets.storage.catalog import Base
from trading_assets.storage.database.engines import open_engine, open_for_looking
from trading_assets.storage.database.migrate import migrating, upgrade_catalog
from trading_assets.storage.database.roles import OWNER, READER, ROLES, WRITER, WRITES, grant, named
from trading_assets.storage.database.schema import SCHEMA, VERSION_TABLE, found_schema, is_ready
from trading_assets.storage.database.transactions import transact
from trading_assets.storage.records import MadeWith, Origin
from trading_assets.storage.registry import Registry, TickRules
from trading_assets.storage.reported import mark_reported, unreported
from trading_assets.storage.snapshots.tables import SnapshotCopyRow
from trading_assets.storage.upkeep.quarantine import Quarantine
from trading_assets.telemetry.alerts import Kind, _count, alerts
from trading_assets.telemetry.outbox import _note_delivered

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
TRIED = {
    "SELECT": "SELECT * FROM {table}",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
    "ALTER": "ALTER TABLE {table} ADD COLUMN more integer",
    "DROP": "DROP TABLE {table} CASCADE",
    "INDEX": "CREATE INDEX ON {table} ((1))",
}
CHANGED = "UPDATE {table} SET {name} = NULL WHERE false"
HISTORY = ("versions", "version_inputs", "quality_results", "audit_trail", "recorded_texts", "snapshots")
SQL = re.compile(r"```sql\n(.*?)```", re.DOTALL)
NOBODY = "nobody"
NOW = datetime(2024, 8, 8, tzinfo=UTC)
DENIED = "42501"


@pytest.fixture
def database(databases: Databases) -> str:
    return databases.made(template=databases.migrated())


def columns() -> Iterator[tuple[str, str]]:
    yield VERSION_TABLE, "version_num"
    yield from ((table.name, column.name) for table in Base.metadata.sorted_tables for column in table.columns)


def may(role: str, table: str, verb: str, column: str | None = None) -> bool:
    """Tell what the document says."""
    return role == OWNER or bool({(table, role, verb, None), (table, role, verb, column)} & set(matrix()))


def test_the_matrix_has_every_table_and_its_history_is_only_added_to() -> None:
    changed = {(table, verb, column) for table, role, verb, column in matrix() if role == WRITER}

    assert {VERSION_TABLE, *Base.metadata.tables} == set(WRITES)
    assert {"SELECT"} == {verb for _, role, verb, _ in matrix() if role == READER}
    assert {("versions", "UPDATE", "reported_at")} == {
        each for each in changed if each[0] in HISTORY and each[1] not in {"SELECT", "INSERT"}
    }
    assert {"served_features", "served_forecasts"} == {table for table, verb, _ in changed if verb == "DELETE"}


def test_a_migrated_database_has_the_privileges_that_are_written_down(databases: Databases, database: str) -> None:
    asked = [(role, table, verb) for role, table, verb in product(ROLES, WRITES, VERBS) if verb != "UPDATE"]
    of_columns = [(role, table, "UPDATE", column) for role in ROLES for table, column in columns()]
    with databases.engine(database).connect() as connection:
        has = {
            each: connection.exec_driver_sql(
                "SELECT has_table_privilege(%s, %s, %s)", (named(SCHEMA_NAME, each[0]), *each[1:])
            ).scalar()
            for each in asked
        } | {
            (role, table, verb, column): connection.exec_driver_sql(
                "SELECT has_column_privilege(%s, %s, %s, %s)", (named(SCHEMA_NAME, role), table, column, verb)
            ).scalar()
            for role, table, verb, column in of_columns
        }

    assert {each: may(*each) for each in has} == has
    assert () == check_catalog(databases.engine(database)).differences


@pytest.mark.parametrize("role", [*ROLES, NOBODY])
def test_a_member_of_a_role_can_do_what_is_written_down_and_nothing_else(
    databases: Databases, database: str, role: str
) -> None:
    user = databases.login(*(() if role == NOBODY else (role,)))
    engine = databases.engine(database, user)
    tried = {(table, verb): sql.format(table=table) for table, (verb, sql) in product(WRITES, TRIED.items())}
    tried |= {(table, "UPDATE", name): CHANGED.format(table=table, name=name) for table, name in columns()}

    could = {each: is_allowed(engine, sql) for each, sql in tried.items()}

    assert {each: may(role, *each) for each in tried} == could
    assert (role == OWNER) is is_allowed(engine, f"CREATE TABLE {SCHEMA_NAME}.more (x integer)")


def is_allowed(engine: sa.Engine, sql: str) -> bool:
    """Try a statement, and take it back; one that fails for another reason was allowed."""
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(sql)
        except DBAPIError as error:
            code = getattr(error.orig, "sqlstate", None)
            return code not in {DENIED, "42P01", "3F000"}
        finally:
            connection.rollback()
    return True


def test_a_privilege_too_many_or_too_few_is_found(databases: Databases, database: str) -> None:
    writer = named(SCHEMA_NAME, WRITER)
    user = databases.login()
    with databases.engine(database).begin() as connection:
        connection.exec_driver_sql(f"GRANT DELETE ON versions TO {writer}")
        connection.exec_driver_sql(f"GRANT UPDATE (md5) ON versions TO {writer}")
        connection.exec_driver_sql(f"REVOKE INSERT ON tickets FROM {writer}")
        connection.exec_driver_sql("GRANT SELECT ON pointers TO PUBLIC")
        connection.exec_driver_sql(f"GRANT SELECT ON pointers TO {user}")
        connection.exec_driver_sql(f"ALTER TABLE alerts OWNER TO {user}")
        connection.exec_driver_sql("ALTER TABLE alerts ADD COLUMN more integer")

    found = check_catalog(databases.engine(database)).differences

    for told in (
        "DELETE on versions to writer is granted, and should not be",
        "UPDATE on versions.md5 to writer is granted, and should not be",
        f"SELECT on pointers to {user} is granted, and should not be",
        "INSERT on tickets to writer is not granted",
        "pointers is granted to everybody",
        f"alerts is owned by {user}, and should be by trading_assets_development_owner",
    ):
        assert told in found
    assert any("remove column" in each and "alerts" in each for each in found)


def test_the_code_does_as_the_writer_all_that_the_writer_may_do(databases: Databases, database: str) -> None:
    house = Warehouse.open(databases.settings_for(database, databases.login(WRITER)))
    done: set[tuple[str, str, str | None]] = set()

    @sa.event.listens_for(house.lake.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        done.update(writes_of(sql))

    for scenario in ("publish", "refuse", "accept", "refuse", "snapshot", "push", "push", "publish", "collect"):
        SCENARIOS[scenario](house)
    work_beside_the_lake(house)

    granted = {(table, verb, column) for table, role, verb, column in matrix() if role == WRITER and verb != "SELECT"}
    assert {each for each in granted if not each[0].startswith("served_")} == done  # tests/serving does the others


def work_beside_the_lake(house: Warehouse) -> None:
    """Do what is done with the catalogue beside publishing."""
    engine, instrument = house.lake.engine, PARTITION.instrument
    for tick in ("0.01", "0.1"):
        Registry(engine).register(instrument, TickRules(Decimal(tick), Decimal(tick)))
    quarantine = Quarantine(house.lake)
    quarantine.drop(quarantine.newest(ASSETS[0], PARTITION).ticket_id, actor="somebody", reason="looked at")
    mark_reported(engine, unreported(engine))
    for _ in range(2):
        _count(engine, Kind.GATE_FAILURE, "subject", "message")
    _note_delivered(engine, alerts(engine, limit=1))
    with house.lake.ticket("pair", PARTITION, run_id="changed") as ticket:
        begun(engine, ticket, "circumstances", MadeWith("settings", "[settings]", "code", "pass"))
        draft = drafted(house.lake, ticket, ASSETS[0], NEW, PASSED)
        house.lake.publish(ticket, [draft], Origin("2", "settings", (("captures", PARTITION.day, "md5"),)))
    transact(engine, lambda session: session.merge(SnapshotCopyRow(snapshot_id=1, remote="backup", complete_at=NOW)))


def writes_of(sql: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield what a statement adds or changes."""
    if found := re.match(r"INSERT INTO (\w+)", sql):
        yield found[1], "INSERT", None
    if found := re.match(r"UPDATE (\w+) SET (.*?)(?: WHERE|$)", sql, re.DOTALL):
        yield from ((found[1], "UPDATE", name) for name in re.findall(r"(\w+)=", found[2]))
    if found := re.match(r"DELETE FROM (\w+)", sql):
        yield found[1], "DELETE", None


def test_a_reader_sees_all_and_can_publish_nothing(databases: Databases, database: str) -> None:
    fill(databases.engine(database))
    user = databases.login(READER)
    house = Warehouse.open(databases.settings_for(database, user))

    assert content(databases.engine(database)) == content(house.lake.engine)
    with pytest.raises(CatalogFailed, match=r"permission denied for table tickets: .*docs/postgres.md"):
        SCENARIOS["publish"](house)


def test_the_first_upgrade_says_what_its_user_lacks_and_the_next_ones_need_the_owner_role_only(
    databases: Databases,
) -> None:
    databases.forget_roles()
    name = databases.made()
    user = databases.login()
    with pytest.raises(CatalogFailed, match=f"{user} may not make the roles .*CREATEROLE"):
        upgrade_catalog(databases.engine(name, user), MIGRATIONS)
    databases.server.run_sql(f"ALTER ROLE {user} CREATEROLE")
    with pytest.raises(CatalogFailed, match=f"GRANT CREATE ON DATABASE {name} TO {user}"):
        upgrade_catalog(databases.engine(name, user), MIGRATIONS)
    databases.server.run_sql(f"GRANT CREATE ON DATABASE {name} TO {user}")
    upgrade_catalog(databases.engine(name, user), MIGRATIONS)
    assert () == check_catalog(databases.engine(name, user)).differences

    member, writer = databases.login(OWNER), databases.login(WRITER)
    Chain(databases.engine(name, member)).down("0003")
    with pytest.raises(CatalogFailed, match=f"GRANT trading_assets_development_owner TO {writer}"):
        upgrade_catalog(databases.engine(name, writer), MIGRATIONS)
    upgrade_catalog(databases.engine(name, member), MIGRATIONS)

    assert () == check_catalog(databases.engine(name, member)).differences
    assert (OWNER,) == check_catalog(databases.engine(name, member)).roles


def test_a_dba_can_make_roles_and_schema_so_that_even_the_first_upgrade_needs_the_owner_role_only(
    databases: Databases,
) -> None:
    databases.forget_roles()
    name = databases.made()
    for role in ROLES:
        databases.server.run_sql(f"CREATE ROLE {named(SCHEMA_NAME, role)} NOLOGIN")
    databases.server.run_sql(f"CREATE SCHEMA {SCHEMA_NAME} AUTHORIZATION {named(SCHEMA_NAME, OWNER)}", database=name)
    member = databases.login(OWNER, can="NOINHERIT")

    upgrade_catalog(databases.engine(name, member), MIGRATIONS)

    assert () == check_catalog(databases.engine(name)).differences


def test_a_schema_of_somebody_else_is_named(databases: Databases) -> None:
    databases.forget_roles()
    name = databases.made()
    for role in ROLES:
        databases.server.run_sql(f"CREATE ROLE {named(SCHEMA_NAME, role)} NOLOGIN")
    databases.server.run_sql(f"CREATE SCHEMA {SCHEMA_NAME}", database=name)

    with pytest.raises(CatalogFailed, match=rf"ALTER SCHEMA {SCHEMA_NAME} OWNER TO {named(SCHEMA_NAME, OWNER)}"):
        upgrade_catalog(databases.engine(name, databases.login(OWNER)), MIGRATIONS)


def test_the_documented_set_up_is_all_that_a_dba_has_to_do(databases: Databases) -> None:
    databases.forget_roles()
    name = f"catalogue_{SCHEMA_NAME}"
    page = (MIGRATIONS.parent / "docs" / "postgres.md").read_text().replace("production", SCHEMA_NAME)
    everywhere, here = SQL.findall(page.replace("DATABASE trading_assets", f"DATABASE {name}"))
    run = databases.server.run_sql
    for sql in everywhere.split(";"):
        run(sql)
    run(here, database=name)

    upgrade_catalog(databases.engine(name, "deployment"), MIGRATIONS)
    house = Warehouse.open(databases.settings_for(name, "pipeline"))
    SCENARIOS["publish"](house)
    seen = content(databases.engine(name, "analyst"))

    assert () == check_catalog(databases.engine(name, "analyst")).differences
    assert len(ASSETS) == len(seen["pointers"])
    with pytest.raises(CatalogFailed, match="permission denied for database"):
        check_catalog(databases.engine(name, databases.login()))
    run(f"DROP DATABASE {name} WITH (FORCE)")
    run("DROP ROLE deployment, pipeline, analyst")


def test_a_second_database_of_the_server_has_the_same_roles(databases: Databases, database: str) -> None:
    other = databases.made()
    user = databases.login(OWNER)
    databases.server.run_sql(f"GRANT CREATE ON DATABASE {other} TO {named(SCHEMA_NAME, OWNER)}")

    upgrade_catalog(databases.engine(other, user), MIGRATIONS)

    assert (
        ()
        == check_catalog(databases.engine(other)).differences
        == check_catalog(databases.engine(database)).differences
    )


def test_databases_of_one_server_can_be_upgraded_at_once(databases: Databases, upgrades: Upgrades) -> None:
    databases.forget_roles()
    names = [databases.made() for _ in range(3)]

    ended = upgrades.run(*(databases.settings_for(name) for name in names))

    assert ([0] * 3, "") == (ended.statuses, ended.errors)
    assert [()] * 3 == [check_catalog(databases.engine(name)).differences for name in names]


def test_a_later_revision_grants_what_it_adds_and_partitions_are_reached_through_their_table(
    databases: Databases, database: str
) -> None:
    with migrating(databases.engine(database, databases.login(OWNER))) as connection:
        op = Operations(MigrationContext.configure(connection))
        op.execute("CREATE TABLE served (id serial, x integer, y integer) PARTITION BY HASH (x)")
        op.execute("CREATE TABLE served_0 PARTITION OF served FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
        grant(op, {"served": "INSERT, DELETE, UPDATE (y)"})
    writer, reader = (databases.engine(database, databases.login(role)) for role in (WRITER, READER))

    assert all(
        is_allowed(writer, sql)
        for sql in ("INSERT INTO served (x, y) VALUES (1, 2)", "UPDATE served SET y = 3", "DELETE FROM served")
    )
    assert is_allowed(reader, "SELECT * FROM served")
    assert not any(is_allowed(writer, sql) for sql in ("UPDATE served SET x = 1", "DELETE FROM served_0"))
    assert not is_allowed(reader, "INSERT INTO served (x, y) VALUES (1, 2)")


def test_a_catalogue_from_before_the_roles_is_handed_over(databases: Databases) -> None:
    databases.forget_roles()
    name = databases.made()
    user = databases.login(can="CREATEROLE")
    databases.server.run_sql(f"GRANT CREATE ON DATABASE {name} TO {user}")
    Chain(databases.engine(name, user)).up("0005")
    fill(databases.engine(name, user))
    before = content(databases.engine(name, user))

    upgrade_catalog(databases.engine(name, user), MIGRATIONS)

    assert () == check_catalog(databases.engine(name)).differences
    after = content(databases.engine(name))
    assert before == {table: after[table] for table in before}


def test_a_catalogue_on_a_server_is_upgraded_by_its_owner_alone(databases: Databases) -> None:
    name = databases.made()
    settings = databases.settings_for(name)
    for engine in (open_engine(settings), open_for_looking(settings)):
        with pytest.raises(CatalogFailed, match=r"postgres finds none in the schema development .*db upgrade"):
            is_ready(engine)
    Chain(open_engine(settings)).up("0005")
    with pytest.raises(
        CatalogFailed, match=rf"has schema 0005, and this code wants {SCHEMA}: .*db upgrade.* owner"
    ) as told:
        Look.open(settings)
    with pytest.raises(CatalogFailed, match=f"has schema 0005, and this code wants {SCHEMA}"):
        prepare(settings)

    assert "\n" not in str(told.value)
    assert "0005" == found_schema(open_engine(settings))
