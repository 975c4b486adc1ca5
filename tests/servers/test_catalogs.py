"""Each root has a catalogue of its own, which is found again, copied and dropped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from catalogs import SERVER, Content, copy_catalog, drop_catalogs, fresh_catalog, serve, settings_in
from postgres_server import PostgresServer, postgres_server
from sqlalchemy import create_engine, inspect, text

from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.schema import VERSION_TABLE


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    monkeypatch.setenv(SERVER, "")  # the test's end takes it back
    with postgres_server() as running:
        serve(running)
        yield running
        drop_catalogs(tmp_path)


def catalogues(server: PostgresServer) -> int:
    return len(server.run_sql("SELECT 1 FROM pg_database WHERE datname LIKE 'catalog\\_%%'"))


def remark(root: Path, message: str) -> None:
    with open_engine(settings_in(root)).begin() as connection:
        connection.execute(text("COMMENT ON TABLE versions IS '" + message + "'"))


def remarks(root: Path) -> str | None:
    with open_engine(settings_in(root)).connect() as connection:
        return connection.scalar(text("SELECT obj_description('versions'::regclass)"))


def test_every_root_has_an_upgraded_catalogue_of_its_own(server: PostgresServer, tmp_path: Path) -> None:
    remark(tmp_path / "one", "mine")

    assert "mine" == remarks(tmp_path / "one")
    assert remarks(tmp_path / "other") is None
    assert fresh_catalog(tmp_path / "one") != fresh_catalog(tmp_path / "other")
    assert 2 == catalogues(server)


def test_a_catalogue_without_tables_can_be_had_too(server: PostgresServer, tmp_path: Path) -> None:
    empty = inspect(open_engine(settings_in(tmp_path, content=Content.NOTHING)))

    assert [] == empty.get_table_names()
    assert VERSION_TABLE not in empty.get_table_names()
    assert 1 == catalogues(server)


def test_a_copy_takes_the_place_of_a_catalogue_whoever_is_connected_to_either(
    server: PostgresServer, tmp_path: Path
) -> None:
    remark(tmp_path / "one", "first")
    remark(tmp_path / "copy", "of no consequence")
    connected = [create_engine(str(fresh_catalog(tmp_path / name))).connect() for name in ("one", "copy")]
    copy_catalog(tmp_path / "one", tmp_path / "copy")
    for connection in connected:
        connection.invalidate()
    remark(tmp_path / "one", "second")

    assert "first" == remarks(tmp_path / "copy")
    assert 2 == catalogues(server)


def test_what_a_folder_had_is_dropped_with_it(server: PostgresServer, tmp_path: Path) -> None:
    remark(tmp_path / "one" / "root", "gone")
    remark(tmp_path / "other" / "root", "stays")

    drop_catalogs(tmp_path / "one")

    assert 1 == catalogues(server)
    assert "stays" == remarks(tmp_path / "other" / "root")


def test_a_catalogue_that_is_a_file_has_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER, raising=False)

    assert fresh_catalog(tmp_path) is None
    assert "sqlite:///var/catalog.sqlite" == settings_in(tmp_path).catalog.url.get_secret_value()
