"""Revisions of the catalogue, with rows in it, in a file and on a server: there and back, at once, and cut short."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from catalogues import MIGRATIONS, Chain, Content, Databases, File, Kind, Server, Upgrades, content, fill, shared
from postgres_server import PostgresServer
from sqlalchemy import event

from trading_assets.errors import CatalogFailed, DiskFull, TradingAssetsError
from trading_assets.health.inspection import check_catalog
from trading_assets.look import Look
from trading_assets.settings import Settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import migrating, upgrade_catalog
from trading_assets.storage.database.schema import SCHEMA, VERSION_TABLE, found_schema
from trading_assets.storage.database.transactions import WRITE

REVISIONS = ["base", *(each.revision for each in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())))]
KILLED = -signal.SIGKILL
STARTS = {"empty": None, "filled": "0002"}
"""From which revisions upgrades are cut short: none, and one whose rows a later revision reads."""


def whole(settings: Settings) -> tuple[str | None, Content]:
    """Return the schema and all rows of a catalogue, and stay connected to nothing."""
    engine = open_engine(settings)
    try:
        return found_schema(engine), content(engine)
    finally:
        engine.dispose()


def started(kind: Kind, start: str) -> Settings:
    """Make a catalogue that is to be upgraded."""
    settings = kind.settings()
    if revision := STARTS[start]:
        engine = open_engine(settings)
        Chain(engine).up(revision)
        fill(engine)
        engine.dispose()
    return settings


def upgraded(kind: Kind, template: Settings) -> tuple[str | None, Content]:
    """Upgrade a copy without a disturbance, and return what it is then."""
    settings = kind.settings(template)
    engine = open_engine(settings)
    upgrade_catalog(engine, MIGRATIONS)
    engine.dispose()
    found = whole(settings)
    kind.remove(settings)
    return found


def n_statements(kind: Kind, template: Settings) -> int:
    """Count the statements of an upgrade, and its commit."""
    settings = kind.settings(template)
    engine, passed = open_engine(settings), []

    def note(connection: sa.Connection, *_: object) -> None:
        if WRITE.items() <= connection.get_execution_options().items():
            passed.append(1)

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", note)
    upgrade_catalog(engine, MIGRATIONS)
    engine.dispose()
    kind.remove(settings)
    return len(passed)


def test_upgrading_from_empty_makes_what_the_models_and_the_matrix_say(kind: Kind) -> None:
    engine = open_engine(kind.settings())
    upgrade_catalog(engine, MIGRATIONS)

    assert (SCHEMA, ()) == (check_catalog(engine).found, check_catalog(engine).differences)


def test_partitions_of_a_table_are_no_tables_of_their_own(any_server: PostgresServer, settings: Settings) -> None:
    databases = Databases(any_server, settings)
    engine = databases.engine(databases.made())
    upgrade_catalog(engine, MIGRATIONS)
    with migrating(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE served (x integer) PARTITION BY HASH (x)")
        connection.exec_driver_sql("CREATE TABLE served_0 PARTITION OF served FOR VALUES WITH (MODULUS 1, REMAINDER 0)")

    told = check_catalog(engine).differences

    assert ["remove table: served"] == [each for each in told if each.startswith("remove")]


def test_each_revision_goes_down_and_up_again_with_rows_in_it(kind: Kind) -> None:
    engine = open_engine(kind.settings())
    chain = Chain(engine)
    chain.up("head")
    fill(engine)
    steps = [*(("down", to) for to in reversed(REVISIONS[:-1])), *(("up", to) for to in REVISIONS[1:])]
    for n, (way, to) in enumerate(steps, 1):
        before = content(engine)
        getattr(chain, way)(to)
        for table, rows, rows_now in shared(before, content(engine)):
            assert rows == rows_now, f"{table} {way} to {to}"
        fill(engine, seed=n)

    assert () == check_catalog(engine).differences
    assert all(content(engine).values())


def test_threads_that_upgrade_at_once_do_no_harm(kind: Kind) -> None:
    settings = started(kind, "filled")
    expected = upgraded(kind, settings)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: upgrade_catalog(open_engine(settings), MIGRATIONS), range(4)))

    assert expected == whole(settings)


@pytest.mark.parametrize("start", STARTS)
def test_processes_that_upgrade_at_once_do_no_harm(kind: Kind, upgrades: Upgrades, start: str) -> None:
    settings = started(kind, start)
    expected = upgraded(kind, settings)

    ended = upgrades.run(settings, settings, settings, settings)

    assert ([0, 0, 0, 0], "") == (ended.statuses, ended.errors)
    assert expected == whole(settings)


@pytest.mark.parametrize("start", STARTS)
def test_an_upgrade_that_is_killed_heals_at_the_next_try(kind: Kind, upgrades: Upgrades, start: str) -> None:
    template = started(kind, start)
    n_all = n_statements(kind, template)

    heal_after_kills(kind, upgrades, template, [1, n_all // 3, 2 * n_all // 3, n_all])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", STARTS)
def test_an_upgrade_that_is_killed_at_any_statement_heals_at_the_next_try(
    kind: Kind, upgrades: Upgrades, start: str
) -> None:
    template = started(kind, start)

    heal_after_kills(kind, upgrades, template, range(1, n_statements(kind, template) + 1))


def heal_after_kills(kind: Kind, upgrades: Upgrades, template: Settings, moments: "range | list[int]") -> None:
    before, expected = whole(template), upgraded(kind, template)
    for n in moments:
        settings = kind.settings(template)
        assert [KILLED] == upgrades.run(settings, kill_at=n).statuses, n
        assert before == whole(settings), n
        assert [0] == upgrades.run(settings).statuses, n
        assert expected == whole(settings), n
        kind.remove(settings)


@pytest.mark.parametrize("max_file_bytes", [0, 10_000, 40_000])
def test_an_upgrade_without_room_in_the_file_says_so_and_heals(
    settings: Settings, tmp_path: Path, upgrades: Upgrades, max_file_bytes: int
) -> None:
    kind = File(settings, tmp_path)
    settings = started(kind, "filled")
    before, expected = whole(settings), upgraded(kind, settings)

    ended = upgrades.run(settings, max_file_bytes=max_file_bytes)

    assert ended.errors.startswith(("DiskFull: ", "DiskFailed: ")), ended
    assert "\n" not in ended.errors
    assert before == whole(settings)
    assert [0] == upgrades.run(settings).statuses
    assert expected == whole(settings)


def test_an_upgrade_without_room_on_the_server_says_so_and_heals(
    any_server: PostgresServer, settings: Settings
) -> None:
    kind = Server(Databases(any_server, settings))
    template = started(kind, "filled")
    before, expected = whole(template), upgraded(kind, template)
    for n in (1, 5, 20):
        copy = kind.settings(template)
        fail_at(open_engine(copy), n)
        with pytest.raises(DiskFull, match=r"disk of the catalogue's server is full .*: free some space there") as told:
            upgrade_catalog(open_engine(copy), MIGRATIONS)

        assert "\n" not in str(told.value)
        assert before == whole(copy)
        upgrade_catalog(open_engine(copy), MIGRATIONS)
        assert expected == whole(copy)
        kind.remove(copy)


def test_an_upgrade_whose_connection_breaks_says_so_and_heals(any_server: PostgresServer, settings: Settings) -> None:
    kind = Server(Databases(any_server, settings))
    template = started(kind, "filled")
    before, expected = whole(template), upgraded(kind, template)
    for n in (1, 20, n_statements(kind, template)):
        copy = kind.settings(template)
        engine, left = open_engine(copy), [n]

        def break_at_last(connection: sa.Connection, *_: object, left: list[int] = left) -> None:
            if WRITE.items() <= connection.get_execution_options().items():
                left[0] -= 1
                if left[0] == 0:
                    any_server.run_sql(
                        "SELECT pg_terminate_backend(%s)", connection.connection.dbapi_connection.info.backend_pid
                    )

        event.listen(engine, "before_cursor_execute", break_at_last)
        event.listen(engine, "commit", break_at_last)
        with pytest.raises(CatalogFailed, match=r"the catalogue cannot be reached: .*run it again"):
            upgrade_catalog(engine, MIGRATIONS)

        assert before == whole(copy)
        upgrade_catalog(open_engine(copy), MIGRATIONS)
        assert expected == whole(copy)
        kind.remove(copy)


def fail_at(engine: sa.Engine, n: int) -> None:
    """Have the n-th change of a table from now on find the disk full, once."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE public.n_changes")
        connection.exec_driver_sql("GRANT USAGE ON SEQUENCE public.n_changes TO PUBLIC")
        connection.exec_driver_sql(
            "CREATE FUNCTION public.run_out() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF nextval('public.n_changes') = {n} THEN "
            "RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END IF; END $$"
        )
        connection.exec_driver_sql(
            "CREATE EVENT TRIGGER full_at ON ddl_command_start EXECUTE FUNCTION public.run_out()"
        )


def test_old_code_refuses_a_newer_schema_and_names_both(kind: Kind) -> None:
    settings = kind.settings()
    engine = open_engine(settings)
    upgrade_catalog(engine, MIGRATIONS)
    with migrating(engine) as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant

    for refuses in (lambda: upgrade_catalog(open_engine(settings), MIGRATIONS), lambda: Look.open(settings)):
        with pytest.raises(TradingAssetsError, match=rf"schema 9999, .* none after {SCHEMA}: update .* \(`git pull`"):
            refuses()


def test_stock_alembic_upgrades_and_checks(kind: Kind) -> None:
    settings = kind.settings()

    assert "not up to date" in alembic("check", settings=settings)
    alembic("upgrade", "head", settings=settings)
    assert "No new upgrade operations detected" in alembic("check", settings=settings)
    assert () == check_catalog(open_engine(settings)).differences
    assert "leave out --sql" in alembic("upgrade", "head", "--sql", settings=settings)


def alembic(*words: str, settings: Settings) -> str:
    environment = {
        **os.environ,
        "TRADING_ASSETS_ENV": "development",
        "TRADING_ASSETS_CATALOG__URL": settings.catalog.url.get_secret_value(),
        "TRADING_ASSETS_LAKE__ROOT": str(settings.root / "lake"),
    }
    command = [Path(sys.executable).with_name("alembic"), *words]
    said = subprocess.run(
        command, cwd=MIGRATIONS.parent, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return said.stdout + said.stderr
