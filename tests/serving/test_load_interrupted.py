"""Loads that are killed, or lose their server, at each of their steps: consumers see one version, whole."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from postgres_server import PostgresServer, postgres_server
from served_days import DAY, day_of, expected, opened, publish, served
from sqlalchemy import Connection, Table
from sqlalchemy.engine import Transaction
from sqlalchemy.exc import OperationalError

from trading_assets.errors import CatalogFailed
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.serving import write
from trading_assets.serving.load import load
from trading_assets.settings import Settings

FEATURES = "book_features"
BLOCK = 500
OLD, NEW = day_of(DAY, 40), day_of(DAY, 4 * BLOCK, plus=1)
PLACES = ["rows removed", "some rows written", "all rows written", "recorded"]
_LOADER = """
import os, signal, sys
from pathlib import Path
from pydantic import SecretStr
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.raw import blocks
from trading_assets.serving import load, write
from trading_assets.settings import load_settings

root, url, place = sys.argv[1:]
settings = load_settings(Path(root), environment="development")
settings = settings.model_copy(update={"catalog": settings.catalog.model_copy(update={"url": SecretStr(url)})})
house = Warehouse.open(settings)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def dying(connection, table, rows):
    def some():
        yield from (next(rows), next(rows))
        die()

    if place == "rows removed":
        die()
    write.write(connection, table, some() if place == "some rows written" else rows)
    if place == "all rows written":
        die()
    return 0


blocks.BLOCK_ROWS = 500
load.write = dying
if place == "recorded":
    load.write = write.write
    from sqlalchemy.engine import Transaction

    Transaction.commit = die
load.load(house.lake, "book_features", Partition.parse("2024-08-08|BTCUSDT.BINANCE"))
"""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_assets.raw.blocks.BLOCK_ROWS", BLOCK)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_killed_load_leaves_the_rows_before_and_the_next_one_loads(house: Warehouse, place: str) -> None:
    publish(house, DAY, OLD)
    load(house.lake, FEATURES, DAY)
    publish(house, DAY, NEW)
    url = house.lake.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _LOADER, str(house.settings.root), url, place]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert expected(DAY, OLD) == served(house)
    assert 4 * BLOCK == load(house.lake, FEATURES, DAY).n_rows
    assert expected(DAY, NEW) == served(house)


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=pytest.mark.slow) if place != PLACES[1] else place for place in PLACES[:3]]
)
def test_a_server_that_is_killed_in_a_load_and_comes_back_has_it_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with postgres_server(durable=True) as server:
        house = _loaded_before(settings, server)
        lives = iter([1])

        def restart() -> None:
            if next(lives, None):
                server.kill()
                server.start()

        _at(place, restart, monkeypatch)

        assert 4 * BLOCK == load(house.lake, FEATURES, DAY).n_rows
        assert expected(DAY, NEW) == served(house)


@pytest.mark.slow
def test_a_server_that_stays_away_is_named_and_the_rows_before_are_served_when_it_is_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server(durable=True) as server:
        impatient = settings.model_copy(update={"catalog": settings.catalog.model_copy(update={"retry_s": 1.0})})
        house = _loaded_before(impatient, server)
        with monkeypatch.context() as patch:
            _at("some rows written", server.kill, patch)
            with pytest.raises(CatalogFailed, match="cannot be reached"):
                load(house.lake, FEATURES, DAY)
        server.start()

        assert expected(DAY, OLD) == served(house)


@pytest.mark.slow
def test_a_server_that_hangs_in_a_load_is_cut_off_after_the_time_that_its_rows_may_take(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server(durable=True) as server:
        limits = {"retry_s": 1.0, "transaction_timeout_s": 2.0}
        house = _loaded_before(
            settings.model_copy(update={"catalog": settings.catalog.model_copy(update=limits)}), server
        )
        monkeypatch.setattr("trading_assets.serving.load._SLOWEST", 4 * BLOCK)
        with monkeypatch.context() as patch:
            _at("some rows written", server.pause, patch)
            with pytest.raises(CatalogFailed, match="cannot be reached"):
                load(house.lake, FEATURES, DAY)
        server.resume()

        assert expected(DAY, OLD) == served(house)
        assert 4 * BLOCK == load(house.lake, FEATURES, DAY).n_rows


def _loaded_before(settings: Settings, server: PostgresServer) -> Warehouse:
    """Serve a version, and have another one stand."""
    house = opened(settings, server.socket_url())
    publish(house, DAY, OLD)
    load(house.lake, FEATURES, DAY)
    publish(house, DAY, NEW)
    return house


def _at(place: str, act: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    """Have something happen at a place of every load."""

    def interrupted(connection: Connection, table: Table, rows: Iterator[pl.DataFrame]) -> int:
        def some() -> Iterator[pl.DataFrame]:
            yield from (next(rows), next(rows))
            act()
            yield from rows

        if place == "rows removed":
            act()
        n_rows = write.write(connection, table, some() if place == "some rows written" else rows)
        if place == "all rows written":
            act()
        return n_rows

    patch.setattr("trading_assets.serving.load.write", interrupted)


def test_a_load_whose_commit_got_no_answer_is_found_done(
    on_postgres: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(on_postgres, DAY, NEW)
    commit, written = Transaction.commit, []

    def committed_and_lost(transaction: Transaction) -> None:
        monkeypatch.setattr(Transaction, "commit", commit)
        commit(transaction)
        raise OperationalError("COMMIT", None, Exception("no answer"), connection_invalidated=True)

    def counted(connection: Connection, table: Table, rows: Iterator[pl.DataFrame]) -> int:
        monkeypatch.setattr(Transaction, "commit", committed_and_lost)
        written.append(write.write(connection, table, rows))
        return written[-1]

    monkeypatch.setattr("trading_assets.serving.load.write", counted)

    assert 4 * BLOCK == load(on_postgres.lake, FEATURES, DAY).n_rows
    assert [4 * BLOCK] == written
    assert expected(DAY, NEW) == served(on_postgres)
