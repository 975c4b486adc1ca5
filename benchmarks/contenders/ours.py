"""Our side of every comparison: the one module to change where the pipeline changes.

Belongs here: what of ours is called, and its outcome as arrays to compare. Does not: anybody else's.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.contenders.top import DEPTH, compared
from trading_assets import schema
from trading_assets.ahead import ahead
from trading_assets.features.matrix import feature_frame
from trading_assets.identifiers import Instrument, Partition
from trading_assets.limits import MAX_LINE_BYTES
from trading_assets.raw.decoding.decode import decode, decoded
from trading_assets.raw.messages import NO_TIME, Messages, nothing
from trading_assets.raw.rebuilding.rebuild import Rebuild
from trading_assets.raw.replay import replay_day
from trading_assets.settings import load_settings
from trading_assets.sources.reader import read_chunks
from trading_assets.storage.registry import TickRules

Arrays = dict[str, np.ndarray]
Given = dict[str, Any]
BOOKS: Final = "raw_l2_snapshots"
PROJECT: Final = Path(__file__).resolve().parents[2]


def decoding(given: Given) -> tuple[Callable[[], Messages], Callable[[Messages], Arrays]]:
    """Inflate and decode."""
    return lambda: decode(_chunks(given), instrument=_instrument(given)), _columns


def decoding_only(given: Given) -> tuple[Callable[[], Messages], Callable[[Messages], Arrays]]:
    """Decode what is inflated already."""
    chunks = list(_chunks(given))
    return lambda: decode(chunks, instrument=_instrument(given)), _columns


def whole(given: Given) -> tuple[Callable[[], pl.DataFrame], Callable[[pl.DataFrame], Arrays]]:
    """From the capture to the rows of a day; trades, tickers, gaps and dead letters are made on the way."""

    def run() -> pl.DataFrame:
        return _rows(given, ahead(decoded(ahead(_chunks(given)), instrument=_instrument(given))))

    return run, lambda rows: _tops(given, rows)


def book_alone(given: Given) -> tuple[Callable[[], pl.DataFrame], Callable[[pl.DataFrame], Arrays]]:
    """From the capture to the rows of the book alone, as the peers do it: every line is decoded, the tape is left."""
    empty = nothing()

    def run() -> pl.DataFrame:
        stretches = ahead(decoded(ahead(_chunks(given)), instrument=_instrument(given)))
        return _rows(given, (replace(each, trades=empty.trades, tickers=empty.tickers) for each in stretches))

    return run, lambda rows: _tops(given, rows)


def tops(given: Given) -> tuple[Callable[[], pl.DataFrame], Callable[[pl.DataFrame], Arrays]]:
    """From decoded messages to the same."""
    messages = list(decoded(_chunks(given), instrument=_instrument(given)))
    return lambda: _rows(given, iter(messages)), lambda rows: _tops(given, rows)


def to_disk(given: Given) -> tuple[Callable[[], int], Callable[[int], Arrays]]:
    """From the capture to the Parquet files of a day, in bounded memory: what a run computes."""
    settings = load_settings(PROJECT, environment="development")
    day = _day(given)

    def run() -> int:
        with TemporaryDirectory() as folder:
            partition = Partition(day, _instrument(given))
            replayed = replay_day({day: Path(given["capture"])}, partition, TickRules(), settings, Path(folder))
            return replayed.counts.n_lines

    return run, lambda n_lines: {"n_lines": np.array([n_lines])}


def features(given: Given) -> tuple[Callable[[], pl.DataFrame], Callable[[pl.DataFrame], Arrays]]:
    """From the published tables to the features."""
    settings = load_settings(PROJECT, environment="development").features

    def run() -> pl.DataFrame:
        tables = (pl.scan_parquet(given[name]) for name in ("books", "trades", "gaps"))
        return feature_frame(*tables, settings).collect()

    def arrays(table: pl.DataFrame) -> Arrays:
        ticks = table.with_columns(pl.col(schema.TS_GRID).cast(pl.Int64))
        return {name: ticks[name].cast(pl.Float64).to_numpy() for name in ticks.columns}

    return run, arrays


def _chunks(given: Given) -> Iterator[Any]:
    return read_chunks(Path(given["capture"]), max_line_bytes=MAX_LINE_BYTES)


def _instrument(given: Given) -> Instrument:
    return Instrument.parse(given["instrument"])


def _day(given: Given) -> date:
    first = next(iter(_chunks(given)))[:19]
    return datetime.fromtimestamp(int(first) / 1e9, UTC).date()


def _rows(given: Given, stretches: Iterator[Messages]) -> pl.DataFrame:
    rebuild = Rebuild(day=date.fromisoformat(given["day"]), instrument=_instrument(given), depth=DEPTH)
    rows = [part for stretch in stretches for name, part in rebuild.today(stretch) if name == BOOKS]
    rows += [part for name, part in rebuild.end() if name == BOOKS]
    rebuild.findings()
    return pl.concat(rows)


def _tops(given: Given, rows: pl.DataFrame) -> Arrays:
    """Repeat a row for the messages after it that changed nothing: the table has rows for changes."""
    names = [schema.level(side, field, n) for side in schema.SIDES for field in schema.FIELDS for n in range(DEPTH)]
    book = decode(_chunks(given), instrument=_instrument(given)).book
    table = rows.filter(schema.IS_VALID)
    at = np.searchsorted(table[schema.SEQ_LAST].to_numpy(), book.seq_last, side="right") - 1
    found = compared(table.select(names).to_numpy()[at])
    is_last = np.append(np.diff(book.ts_recv) > 0, True)
    return {**found, "tops_of_instants": found["tops"][is_last], "last_top": found["tops"][-1:]}


def _columns(messages: Messages) -> Arrays:
    """Name the columns as the peers do."""
    book, trades, tickers = messages.book, messages.trades, messages.tickers
    n_levels = np.diff(book.offsets)
    n_before = np.concatenate([[0], np.cumsum(book.is_ask)])
    n_asks = n_before[book.offsets[1:]] - n_before[book.offsets[:-1]]
    return {
        "ts_recv": book.ts_recv,
        "ts_event": np.where(book.ts_event == NO_TIME, 0, book.ts_event),
        "seq_first": book.seq_first,
        "seq_last": book.seq_last,
        "n_levels": n_levels,
        "n_bids": n_levels - n_asks,
        "px": book.px,
        "sz": book.sz,
        "trade_recv": trades.ts_recv,
        "trade_event": trades.ts_event,
        "trade_id": trades.trade_id,
        "trade_px": trades.px,
        "trade_sz": trades.sz,
        "trade_is_sell": trades.side == 1,
        "ticker_recv": tickers.ts_recv,
        "ticker_seq": tickers.seq,
        "ticker_2": tickers.bid_px,
        "ticker_3": tickers.bid_sz,
        "ticker_4": tickers.ask_px,
        "ticker_5": tickers.ask_sz,
    }


CONTENDERS: Final = {
    "decode": decoding,
    "decode_only": decoding_only,
    "whole": whole,
    "book_alone": book_alone,
    "tops": tops,
    "to_disk": to_disk,
    "features": features,
}
