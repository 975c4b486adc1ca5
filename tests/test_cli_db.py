from pathlib import Path

import pytest
from command_line import CommandLine, new_project

from trading_assets.settings import load_settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.schema import SCHEMA

pytestmark = pytest.mark.sqlite


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.setenv("TRADING_ASSETS_CATALOG__URL", "sqlite:///var/catalog.sqlite")
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


def test_a_catalogue_is_backed_up_and_had_back(command: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "catalog.zip"
    engine = open_engine(load_settings(command.root, environment="development"))
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO recorded_texts VALUES ('digest', 'text')")

    assert f"1 rows of schema {SCHEMA}" in command("db", "backup", file).out
    assert command("db", "backup", file).is_one_plain_line
    refused = command("db", "restore", file)
    assert refused.is_one_plain_line
    assert "1 of recorded_texts" in refused.err

    engine.dispose()
    for path in (command.root / "var").glob("catalog.sqlite*"):
        path.unlink()
    assert "nothing to back up" in command("db", "backup", tmp_path / "other.zip").err
    assert "trading-assets verify" in command("db", "restore", file).out
    assert 0 == command("db", "check").code
    with engine.connect() as connection:
        assert [("digest", "text")] == list(connection.exec_driver_sql("SELECT * FROM recorded_texts"))


def test_a_backup_of_another_environment_is_said_to_be(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("db", "backup", tmp_path / "catalog.zip")
    monkeypatch.setenv("TRADING_ASSETS_ENV", "staging")
    monkeypatch.setenv("TRADING_ASSETS_CATALOG__URL", f"sqlite:///{tmp_path / 'other.sqlite'}")

    assert "the backup is of development, and this is staging" in command("db", "restore", tmp_path / "catalog.zip").err


def test_an_upgrade_says_from_where_to_where(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"schema {SCHEMA} is the newest" in command("db", "upgrade").out
    monkeypatch.setenv("TRADING_ASSETS_CATALOG__URL", f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert f"schema none → {SCHEMA}" in command("db", "upgrade").out


def test_a_check_ends_with_one_where_something_is_wrong(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "all good" in command("db", "check").out
    monkeypatch.setenv("TRADING_ASSETS_CATALOG__URL", f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert command("db", "check").is_one_plain_line


def test_a_lake_is_adopted_by_the_catalogue_that_takes_the_others_place(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "was nobody's" in command("db", "adopt").out
    assert "was so before" in command("db", "adopt").out
    assert command("db", "backup", tmp_path / "catalog.zip").code == 0

    monkeypatch.setenv("TRADING_ASSETS_CATALOG__URL", f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert command("db", "adopt").is_one_plain_line
    assert "trading-assets db adopt" in command("db", "restore", tmp_path / "catalog.zip").out
    assert "is the lake of the catalogue sqlite ../catalog.sqlite" in command("db", "check").err
    assert "was that of sqlite ../catalog.sqlite" in command("db", "adopt").out
    assert command("db", "check").code == 0


def test_what_is_no_backup_is_one_line(command: CommandLine, tmp_path: Path) -> None:
    assert command("db", "restore", tmp_path / "missing.zip").is_one_plain_line
    (tmp_path / "hello.zip").write_text("hello")
    assert command("db", "restore", tmp_path / "hello.zip").is_one_plain_line
    assert command("db", "backup", tmp_path / "no" / "folder.zip").is_one_plain_line


@pytest.mark.parametrize("name", ["upgrade", "check", "backup", "restore", "adopt"])
def test_each_command_teaches(command: CommandLine, name: str) -> None:
    assert f"trading-assets db {name}" in command("db", name, "--help").out
