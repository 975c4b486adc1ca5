"""The whole way on real recordings: in by the command line, out by every reader, equal to a naive rebuild."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from command_line import KEY_8, KEY_9, CommandLine, new_project

from trading_assets import read, schema
from trading_assets.settings import current_settings

pytestmark = pytest.mark.slow
SPOT, USDM = "BTCUSDT.BINANCE", "BTCUSDT.BINANCE_USDM"
TABLES = ("raw_l2_snapshots", "raw_trades", "feed_gaps", "dead_letters", "book_features", "labels")
DEPTH = 20


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:  # noqa: ARG001 - without them, skip all
    """One project that the first test fills and the others read."""
    return new_project(tmp_path_factory.mktemp("real") / "project")


@pytest.fixture
def command(recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(recorded, monkeypatch, capsys)


def capture(shared_data: Path, market: str, day: str) -> Path:
    return shared_data / "captures" / market / "BTCUSDT" / f"{day}.jsonl.gz"


def test_real_recordings_go_the_whole_way_and_a_second_time_change_nothing(
    command: CommandLine, shared_data: Path
) -> None:
    folders = [shared_data / "captures" / market for market in ("binance", "binance_usdm")]
    assert 0 == command("import", *folders).code
    planned = command("run", "--dry-run").out
    assert {} == {
        key: state for key, state in command.versions().items() if "published" in state and key[1] != "captures"
    }
    assert 0 == command("run").code
    before = command.versions()

    assert "model: missing" in planned
    assert "published" in before[KEY_9, "model"]
    assert "published" in before[KEY_9, "forecasts"]
    assert "not expected" == before[KEY_8, "model"]
    assert "published" in before[f"2024-08-08|{USDM}", "labels"]
    assert {"published", "not expected"} == {state.removesuffix(f" {state[-12:]}") for state in before.values()}
    assert 3 == command("import", *folders).out.count("nothing new")
    assert 3 == command("run").out.count("everything is up to date")
    assert before == command.versions()


def test_every_asset_can_be_written_in_every_format(command: CommandLine, tmp_path: Path) -> None:
    for asset in (*TABLES, "forecasts"):
        paths = [tmp_path / f"{asset}.{suffix}" for suffix in ("parquet", "csv", "json")]
        assert [0, 0, 0] == [command("read", asset, KEY_9, "--out", path).code for path in paths]
        n_rows = pl.read_parquet(paths[0]).height
        lines = command("read", asset, KEY_9, "--out", "-").out.splitlines()
        assert [n_rows] * 3 == [len(pl.read_csv(paths[1])), len(json.loads(paths[2].read_bytes())), len(lines) - 1]
    for asset, suffix in (("captures", "jsonl.zst"), ("model", "json")):
        assert 0 == command("read", asset, KEY_9, "--out", tmp_path / f"{asset}.{suffix}").code
        assert command("read", asset, KEY_9, "--out", tmp_path / "x.csv").is_one_plain_line
    assert command("read", "labels", KEY_9, "--out", tmp_path / "x.txt").is_one_plain_line
    assert command("read", "labels", KEY_9, "--out", tmp_path).is_one_plain_line
    assert command("read", "labels", KEY_9, "--out", tmp_path / "none" / "x.csv").is_one_plain_line
    assert command("read", "nothing", KEY_9, "--out", tmp_path / "x.csv").is_one_plain_line
    assert [] == [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("market", "folder", "days"), [(SPOT, "binance", ["08", "09"]), (USDM, "binance_usdm", ["08"])]
)
def test_published_books_equal_a_naive_rebuild_and_the_ticker(
    command: CommandLine, shared_data: Path, monkeypatch: pytest.MonkeyPatch, market: str, folder: str, days: list[str]
) -> None:
    monkeypatch.setenv("TRADING_ASSETS_ROOT", str(command.root))
    current_settings.cache_clear()
    table = read("raw_l2_snapshots", market, f"2024-08-{days[0]}", f"2024-08-{days[-1]}").filter("is_valid").collect()
    current_settings.cache_clear()

    naive, tickers = naive_books([capture(shared_data, folder, f"2024-08-{day}") for day in days])
    columns = [schema.level(side, field, n) for side in ("bid", "ask") for n in range(DEPTH) for field in ("px", "sz")]
    published = dict(zip(table["seq_last"], table.select(columns).rows(), strict=True))
    compared = published.keys() & naive.keys()
    assert len(published) - len(compared) <= len(days)  # the snapshot a book starts from
    assert [] == [u for u in compared if naive[u] != published[u]]
    top = {u: (row[0], row[1], row[2 * DEPTH], row[2 * DEPTH + 1]) for u, row in published.items()}
    at_equal_ids = tickers.keys() & top.keys()
    assert len(at_equal_ids) > 100 * len(days)
    assert [] == [u for u in at_equal_ids if tickers[u] != top[u]]


def naive_books(paths: list[Path]) -> tuple[dict[int, tuple[float | None, ...]], dict[int, tuple[float, ...]]]:
    """Rebuild books with two dictionaries: twenty levels after each update by its last id, and tickers by theirs."""
    lines = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    messages = [json.loads(line.split(b" ", 1)[1]) for line in lines]
    plain = [message.get("data", message) for message in messages]
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    last = None
    books: dict[int, tuple[float | None, ...]] = {}
    first = next(message for message in plain if "lastUpdateId" in message)
    waiting = [message for message in plain if message.get("e") == "depthUpdate"]
    for message in [first, *(m for m in sorted(waiting, key=lambda m: m["u"]) if m["u"] > first["lastUpdateId"])]:
        if last is None:
            last = message["lastUpdateId"]
            bids, asks = ({float(p): float(q) for p, q in message[side]} for side in ("bids", "asks"))
            continue
        for book, side in ((bids, "b"), (asks, "a")):
            for price, size in message[side]:
                book[float(price)] = float(size)
                if not float(size):
                    del book[float(price)]
        books[message["u"]] = (*levels(bids, reverse=True), *levels(asks, reverse=False))
    tickers = {
        m["u"]: (float(m["b"]), float(m["B"]), float(m["a"]), float(m["A"])) for m in plain if "B" in m and "u" in m
    }
    return books, tickers


def levels(book: dict[float, float], *, reverse: bool) -> list[float | None]:
    prices = sorted(book, reverse=reverse)[:DEPTH]
    found = [value for price in prices for value in (price, book[price])]
    return [*found, *[None] * (2 * DEPTH - len(found))]
