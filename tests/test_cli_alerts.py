from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from catalogs import settings_in
from command_line import CommandLine, new_project
from sqlalchemy import Engine, insert, text

from trading_assets.storage.catalog import AlertRow
from trading_assets.storage.database.engines import open_engine


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


def catalogue(root: Path) -> Engine:
    return open_engine(settings_in(root))


def tell(root: Path, subject: str, message: str, n_times: int) -> None:
    with catalogue(root).begin() as connection:
        row = {"kind": "gate failure", "subject": subject, "message": message, "n_times": n_times}
        last_at = datetime(2024, 8, 9, 10, 11, 12, tzinfo=UTC)
        connection.execute(insert(AlertRow).values(**row, first_at=last_at - timedelta(days=1), last_at=last_at))


def test_alerts_are_listed_with_their_counts(project: CommandLine) -> None:
    tell(project.root, "raw_trades of 2024-08-08|A.B", "n_rows is 0 \x1b[2J[red]", 1234)
    said = project("alerts")

    assert 0 == said.code
    assert "gate failure: 1,234, late partition: 0" in said.out
    assert "2024-08-09 10:11:12+00:00" in said.out
    assert "\\x1b[2J[red]" in said.out


def test_without_alerts_it_says_so(project: CommandLine) -> None:
    said = project("alerts")

    assert (0, "nobody had to be told of anything\n") == (said.code, said.out)


def test_without_a_url_a_test_fails_and_says_where_to_put_one(project: CommandLine) -> None:
    said = project("alerts", "--test")

    assert said.is_one_plain_line
    assert "`alerts.urls`" in said.err


def test_a_test_says_which_urls_work_and_hides_their_secrets(
    project: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_ASSETS_ALERTS__URLS", '["json://user:hunter2@127.0.0.1:1/hunter2", "hunter2"]')
    monkeypatch.setenv("TRADING_ASSETS_ALERTS__TIMEOUT_S", "2")
    said = project("alerts", "--test")

    assert 1 == said.code
    assert "alerts.urls[0] (JSON): " in said.err
    assert "alerts.urls[1]: not a URL that apprise knows" in said.err
    assert "hunter2" not in said.out + said.err


def test_reconcile_says_when_there_was_nothing_to_do(project: CommandLine) -> None:
    said = project("reconcile")

    assert (0, "nothing had to be put right\n") == (said.code, said.out)


def test_reconcile_says_what_it_put_right(project: CommandLine) -> None:
    project("simulate", "-i", "SIMBTC.BINANCE", "--days", "1", "--minutes", "1")
    with catalogue(project.root).begin() as connection:
        connection.execute(text("update versions set reported_at = null, md5 = upper(md5)"))
    said = project("reconcile")

    assert 0 == said.code
    assert "captures of 2024-08-08|SIMBTC.BINANCE: recorded, as " in said.out
    assert "nothing had to be put right\n" == project("reconcile").out
