"""hftbacktest's npz: market events as one array of `event_dtype`, local and exchange side marked by flags.

Belongs here: what its events mean. Does not: streaming an array out of an archive (npz).

Document: https://hftbacktest.readthedocs.io/en/latest/data.html, the constants
https://hftbacktest.readthedocs.io/en/latest/reference/hftbacktest.types.html.

- What we could have seen are events with the LOCAL flag, at `local_ts`; an event that was split in two to bring both
  clocks in order is read once, from its local half. Arrays without either flag were not yet brought in order.
- Depth events of equal times, side by side, are levels of one message; a quantity of 0 removes the price.
- Clears and snapshot levels of equal times begin the book anew. hftbacktest clears only as deep as the snapshot goes,
  and keeps what it last knew of the prices below; here they are unknown until they are said again.
- Prices and quantities are floats: each is taken as the shortest decimal that is the same float.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sources.formats.base import Ask, Block, Format, Lack, Reading
from trading_assets.sources.formats.messages import GOES_ON, Held
from trading_assets.sources.formats.npz import array_blocks
from trading_assets.sources.formats.texts import (
    EVENT,
    IS_ASK,
    IS_SNAPSHOT,
    LINE,
    MESSAGE,
    PX,
    RECV,
    SZ,
    depth_pieces,
    float_texts,
    joined,
    trade_line,
)

DOCUMENT: Final = "https://hftbacktest.readthedocs.io/en/latest/data.html"
DTYPE: Final = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ]
)
"""One event, as it lies in the file: 64 bytes."""

DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
_KIND: Final = 0xFF
_MEMBER: Final = "data"
_ORDERS: Final = (10, 11, 12, 13)
_MIN_NS: Final = 10**18
"""Nanoseconds since the epoch, of 2001: a smaller time is in another unit."""


class HftbacktestReading:
    """One array of events as lines; see `Reading`."""

    source = "hftbacktest"
    damage: str | None = None

    def __init__(self, path: Path, instrument: Instrument) -> None:
        self._path, self._instrument = path, instrument
        self._n_trades = self._n_depth = self._n_other = 0

    @property
    def lacks(self) -> Sequence[Lack]:
        """Ids, and what no event was of."""
        found = {Lack.UPDATE_IDS, Lack.TRADE_IDS}
        found |= set() if self._n_trades else {Lack.TRADES}
        found |= set() if self._n_depth else {Lack.BOOKS}
        return [lack for lack in Lack if lack in found]

    @property
    def notes(self) -> Sequence[str]:
        """What was left out."""
        return [f"{self._n_other:,} events are neither depth nor trades: left out"] if self._n_other else []

    def blocks(self) -> Iterator[Block]:
        """Yield the lines."""
        held = Held([RECV, EVENT, "kind", "in_snapshot"])
        for events in array_blocks(self._path, _MEMBER, DTYPE):
            rows = self._rows(events)
            if len(rows):
                yield self._instrument, _lines(held.complete(rows))
        yield self._instrument, _lines(held.rest())

    def _rows(self, events: NDArray[np.void]) -> pl.DataFrame:
        """Return the events that we could have seen, one a row."""
        ev = events["ev"]
        kind = ev & _KIND
        if np.isin(kind, _ORDERS).any():
            raise NotACapture("it holds orders one by one (level 3): only books by price are imported")
        seen = ((ev & LOCAL) != 0) | ((ev & EXCH) == 0)
        is_read = np.isin(kind, (DEPTH, TRADE, CLEAR, SNAPSHOT))
        self._n_other += int((seen & ~is_read).sum())
        events, kind = events[seen & is_read], kind[seen & is_read]
        if len(events) and min(events["local_ts"].min(), events["exch_ts"].min()) < _MIN_NS:
            raise NotACapture("its times are not nanoseconds since the epoch")
        is_trade = kind == TRADE
        is_sell, is_buy = (events["ev"] & SELL) != 0, (events["ev"] & BUY) != 0
        frame = pl.DataFrame(
            {
                RECV: events["local_ts"],
                EVENT: events["exch_ts"],
                "kind": np.where(is_trade, self._n_trades + np.cumsum(is_trade), -1),  # each trade is a message
                "in_snapshot": np.isin(kind, (CLEAR, SNAPSHOT)),
                "is_clear": kind == CLEAR,
                IS_ASK: is_sell,
                "side": np.where(is_sell, "sell", np.where(is_buy, "buy", "")),
            }
        )
        self._n_trades += int(is_trade.sum())
        self._n_depth += int((~is_trade).sum())
        return frame.with_columns(
            float_texts(pl.Series(PX, events["px"])),
            float_texts(pl.Series(SZ, events["qty"])),
            pl.Series("is_trade", is_trade),
        )


def _lines(rows: pl.DataFrame) -> bytes:
    if rows.is_empty():
        return b""
    trades = rows.filter("is_trade").select(
        MESSAGE, trade_line(pl.lit(None, pl.String), pl.when(pl.col("side") != "").then("side")).alias(LINE)
    )
    pieces = depth_pieces(_levels(rows.filter(~pl.col("is_trade"))))
    return joined(pl.concat([pieces, trades]).sort(MESSAGE, maintain_order=True)[LINE])


def _levels(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop clears, which are no levels, but for one where a message has nothing else."""
    rows = rows.with_columns((pl.col("in_snapshot") & ~pl.col(GOES_ON)).alias(IS_SNAPSHOT))
    if not rows["is_clear"].any():
        return rows
    is_first = pl.int_range(pl.len()).over(MESSAGE) == 0
    is_bare = pl.col("is_clear").all().over(MESSAGE) & is_first
    clear = pl.col("is_clear")
    return rows.filter(~clear | is_bare).with_columns(pl.when(~clear).then(column).alias(column) for column in (PX, SZ))


def _recognises(path: Path, head: bytes) -> bool:
    return path.suffix == ".npz" and head.startswith(b"PK")


def _open(path: Path, _: bytes, ask: Ask) -> Reading:
    if ask.instrument is None:
        raise NotACapture("an npz does not say whose it is: name the instrument with --instrument")
    return HftbacktestReading(path, ask.instrument)


HFTBACKTEST: Final = Format("hftbacktest", DOCUMENT, _recognises, _open)
