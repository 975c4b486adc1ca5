"""What `db check` finds: where the catalogue is, what is wrong with its tables, and how its servers are."""

from collections.abc import Callable, Iterator

import pytest
from full_catalogs import downgraded, made_catalog
from postgres_server import PostgresServer, multi_host_url, postgres_server
from pydantic import SecretStr
from sqlalchemy import text

from trading_assets.health.check import check_health, place_of
from trading_assets.settings import Settings
from trading_assets.storage.database.engines import catalog_url
from trading_assets.storage.database.schema import SCHEMA

MakeSettings = Callable[[str], Settings]
ON_BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


def named(settings: Settings, url: str) -> Settings:
    section = settings.catalog.model_copy(update={"url": SecretStr(url), "connect_timeout_s": 2.0})
    return settings.model_copy(update={"catalog": section})


@ON_BOTH
def test_a_new_catalogue_is_well(catalog_on: MakeSettings, kind: str) -> None:
    settings = catalog_on(kind)
    made_catalog(settings)

    found = check_health(settings)

    assert (SCHEMA, []) == (found.revision, found.faults)


def test_a_file_that_is_not_there_is_wrong_and_is_not_made(catalog_on: MakeSettings) -> None:
    settings = catalog_on("sqlite")

    assert ["there is no such file: `trading-assets db upgrade` makes it"] == check_health(settings).faults
    assert not list(settings.root.glob("catalog_*"))


def test_a_database_without_tables_is_wrong(catalog_on: MakeSettings) -> None:
    assert ["there are no tables: `trading-assets db upgrade` makes them"] == check_health(
        catalog_on("postgres")
    ).faults


@ON_BOTH
def test_an_older_schema_is_wrong(catalog_on: MakeSettings, kind: str) -> None:
    settings = catalog_on(kind)
    downgraded(made_catalog(settings), "0004")

    found = check_health(settings)

    assert "0004" == found.revision
    assert [f"its schema is 0004 and should be {SCHEMA}"] == [fault.partition(":")[0] for fault in found.faults]


@ON_BOTH
def test_tables_unlike_the_models_are_named(catalog_on: MakeSettings, kind: str) -> None:
    settings = catalog_on(kind)
    with made_catalog(settings).begin() as connection:
        connection.execute(text("ALTER TABLE instruments DROP COLUMN tick_size"))
        connection.execute(text("DROP INDEX ix_versions_md5"))
        connection.execute(text("CREATE TABLE stray (id INTEGER PRIMARY KEY)"))

    told = "\n".join(check_health(settings).faults)

    assert all(each in told for each in ("tick_size", "ix_versions_md5", "stray")), told


def test_a_damaged_file_is_wrong(catalog_on: MakeSettings) -> None:
    settings = catalog_on("sqlite")
    engine = made_catalog(settings)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO recorded_texts VALUES ('d', :text)"), {"text": "x" * 100_000})
        connection.execute(text("DELETE FROM recorded_texts"))
    with engine.begin() as connection:
        connection.execute(text("PRAGMA writable_schema = ON"))
        connection.execute(text("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'ix_versions_md5'"))
    engine.dispose()

    assert any("damaged" in fault for fault in check_health(settings).faults)


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with postgres_server(durable=True) as primary:
        standby = primary.standby(synchronous=False)
        try:
            yield primary, standby
        finally:
            standby.remove()


def test_servers_are_told_apart_and_a_lost_one_is_wrong(
    settings: Settings, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    both = named(settings, multi_host_url(*pair, sslmode="disable"))
    made_catalog(both)
    primary, standby = check_health(both).servers
    assert (False, True) == (primary.follows, standby.follows)
    assert "as postgres, not encrypted" in primary.session

    pair[0].kill()
    told = " ".join(check_health(both).faults)
    assert f"127.0.0.1:{pair[0].port} cannot be reached" in told
    assert "no server can be written to" in told
    assert SCHEMA == check_health(both).revision

    pair[1].promote()
    pair[0].start()
    assert ["2 servers say they are the primary"] == [fault.partition(":")[0] for fault in check_health(both).faults]


def test_how_far_a_standby_is_behind_is_told(settings: Settings, pair: tuple[PostgresServer, PostgresServer]) -> None:
    both = named(settings, multi_host_url(*pair, sslmode="disable"))
    made_catalog(both)
    pair[1].run_sql("SELECT pg_wal_replay_pause()")
    pair[0].run_sql("CREATE TABLE numbers AS SELECT generate_series(1, 100000)")

    found = check_health(both)

    assert (found.behind(found.servers[1]) or 0) > 100_000
    assert found.behind(found.servers[0]) is None


def test_no_password_is_shown(settings: Settings) -> None:
    url = "postgresql+psycopg://owner:hush@db.example.org/trading?sslpassword=hush&password=hush&sslmode=verify-full"

    assert "hush" not in place_of(named(settings, url))
    assert "hush" in catalog_url(named(settings, url)).render_as_string(hide_password=False)
