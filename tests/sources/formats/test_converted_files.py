from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conversions import hftbacktest, joined_up, said, tardis
from format_files import brought
from polars.testing import assert_frame_equal

from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import BookMessages, Messages
from trading_assets.raw.rebuilding.whole import rebuild_day
from trading_assets.schema import IS_VALID, TS_RECV, l2_snapshots
from trading_assets.sources.reader import read_chunks

DAY = date(2024, 8, 8)
MARKETS = pytest.mark.parametrize(("market", "exchange"), [("BINANCE", "binance"), ("BINANCE_USDM", "binance-futures")])


def read(path: Path, instrument: Instrument) -> Messages:
    return decode(read_chunks(path, max_line_bytes=MAX_LINE_BYTES), instrument=instrument)


def original(shared_data: Path, market: str) -> tuple[Path, Messages]:
    path = shared_data / "captures" / market.lower() / "BTCUSDT" / "2024-08-08.jsonl.gz"
    return path, read(path, Instrument("BTCUSDT", market))


def imported(path: Path, folder: Path, market: str) -> Messages:
    instrument = Instrument("BTCUSDT", market)
    (capture,) = brought(path, folder, str(instrument)).landing.captures
    found = read(capture.path, instrument)
    assert () == found.dead_letters
    return found


def assert_equal_books(expected: BookMessages, found: BookMessages, *, ns: int) -> None:
    """Every message that has levels is there, received at the same time to `ns`, with the same levels in order."""
    n_levels = np.diff(expected.offsets)
    has_levels = n_levels > 0
    np.testing.assert_array_equal(n_levels[has_levels], np.diff(found.offsets))
    np.testing.assert_array_equal(expected.kind[has_levels], found.kind)
    np.testing.assert_array_equal(expected.ts_recv[has_levels] // ns, found.ts_recv // ns)
    for name in ("is_ask", "px", "sz"):
        np.testing.assert_array_equal(getattr(expected, name), getattr(found, name))


def assert_equal_trades(expected: Messages, found: Messages, *names: str, ns: int) -> None:
    assert len(expected.trades.px) > 1000
    np.testing.assert_array_equal(expected.trades.ts_recv // ns, found.trades.ts_recv // ns)
    for name in ("ts_event", "px", "sz", "side", *names):
        np.testing.assert_array_equal(getattr(expected.trades, name), getattr(found.trades, name))


@MARKETS
def test_tables_of_tardis_say_what_the_recording_said(
    shared_data: Path, tmp_path: Path, market: str, exchange: str
) -> None:
    capture, expected = original(shared_data, market)
    changes, trades = tardis(said(capture), tmp_path, exchange)

    assert_equal_books(expected.book, imported(changes, tmp_path, market).book, ns=1000)
    assert_equal_trades(expected, imported(trades, tmp_path, market), "trade_id", ns=1000)


@MARKETS
def test_events_of_hftbacktest_say_what_the_recording_said(
    shared_data: Path, tmp_path: Path, market: str, exchange: str
) -> None:
    del exchange
    capture, expected = original(shared_data, market)

    found = imported(hftbacktest(said(capture), tmp_path), tmp_path, market)

    assert_equal_books(expected.book, found.book, ns=1)
    assert_equal_trades(expected, found, ns=1)


def books(messages: Messages, market: str) -> pl.DataFrame:
    """The valid rows: receive time in µs, and twenty levels a side."""
    day = rebuild_day(messages, None, day=DAY, instrument=Instrument("BTCUSDT", market), depth=20)
    return day.snapshots.filter(IS_VALID).select(pl.col(TS_RECV).dt.epoch("us"), *list(l2_snapshots(20))[5:])


@MARKETS
def test_converted_files_give_the_books_of_the_recording_on_every_level(
    shared_data: Path, tmp_path: Path, market: str, exchange: str
) -> None:
    capture, original_messages = original(shared_data, market)
    expected = books(original_messages, market)
    changes, _ = tardis(joined_up(capture), tmp_path, exchange)

    for converted in (changes, hftbacktest(joined_up(capture), tmp_path)):
        found = books(imported(converted, tmp_path / converted.stem, market), market)
        assert_frame_equal(expected, found)
