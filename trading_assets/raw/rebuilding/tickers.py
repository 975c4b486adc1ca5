"""The venue's own best bids and asks, with the update id at which the book must show them.

Belongs here: which id a ticker is compared at, and what of it can be compared. Does not: the comparison (quality).

Where a ticker's id is that of an update, the book must show it at that id. Elsewhere (Bybit, Coinbase) it is a number
that is counted over other messages too and lies *between* two updates. Then the ticker speaks of the row before it, and
only of a side whose best price did not change with the row after it, nor for as long before as the ticker may be late.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import NO_SEQ, TickerMessages, concatenated, nothing
from trading_assets.raw.rebuilding.stream import WINDOW, Stream
from trading_assets.venues.rules import Rule

TICKERS: Final[dict[str, pl.DataType]] = {
    schema.TS_RECV: schema.TIME,
    schema.SEQ_LAST: pl.Int64(),
    **{schema.level(side, field, 0): pl.Float64() for side in schema.SIDES for field in schema.FIELDS},
}
"""Receive time, the update id (null where there is none to compare with), and the best level: null where not said."""

_KEY: Final = "key"
_NEXT_KEY: Final = "next_key"
_BEST: Final = {side: schema.level(side, "px", 0) for side in schema.SIDES}


class Tickers:
    """The tickers of one day, in file order.

    Args:
        rule: what a ticker's id means.
        window: how many are made a frame of at a time.
    """

    def __init__(self, rule: Rule, window: int = WINDOW) -> None:
        self.n_lines = 0
        self._rule = rule
        self._window = window
        self._pushed: list[TickerMessages] = []
        self._n_pushed = 0
        self._waiting: list[pl.DataFrame] = []
        self._rows: pl.DataFrame | None = None  # of the last window, for tickers that lie between two

    def push(self, tickers: TickerMessages) -> Iterator[pl.DataFrame]:
        """Take more tickers; yield those (`TICKERS`) that need no book beside them."""
        self.n_lines += int(np.count_nonzero(np.diff(tickers.line_no, prepend=-1)))
        self._pushed.append(tickers)
        self._n_pushed += len(tickers.line_no)
        if self._n_pushed >= self._window:
            yield from self._framed()

    def _framed(self) -> Iterator[pl.DataFrame]:
        """Make a frame of what was pushed: hand it on, or let it wait for the rows around it."""
        frame = _frame(concatenated([nothing().tickers, *self._pushed]))
        self._pushed, self._n_pushed = [], 0
        if self._rule.is_ticker_between:
            self._waiting.append(frame)
        elif len(frame):
            yield frame

    def beside(self, messages: Stream, message: np.ndarray, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Take the rows of a window; yield the waiting tickers that lie before the last of them.

        Args:
            messages: of the window.
            message: `[r]` index of the message that each row follows.
            rows: `[r]` `schema.l2_snapshots`.
        """
        if not self._rule.is_ticker_between or not len(rows):
            return
        yield from self._framed()
        key = np.where(messages.ticker == NO_SEQ, messages.last, messages.ticker)[message]
        new = rows.select(schema.TS_RECV, schema.SEQ_LAST, *_BEST.values()).with_columns(pl.Series(_KEY, key))
        known = new if self._rows is None else pl.concat([self._rows, new])
        falls = known[_KEY].diff().fill_null(0) < 0
        begun = int(np.flatnonzero(falls.to_numpy()).max(initial=0))  # numbers that fall are of another connection
        self._rows = known[max(begun, len(known) - len(new)) :]
        if self._waiting:
            tickers = pl.concat(self._waiting)
            is_past = pl.col(schema.SEQ_LAST) < int(key[-1])
            self._waiting = [tickers.filter(~is_past)]
            yield _between(tickers.filter(is_past), known[begun:], lag_ns=self._rule.ticker_lag_ns)

    def rest(self) -> Iterator[pl.DataFrame]:
        """Yield what still waits where there are no more rows: nothing is known of what came after."""
        yield from self._framed()
        for tickers in self._waiting:
            yield tickers.with_columns(pl.lit(None, pl.Int64).alias(schema.SEQ_LAST))
        self._waiting = []


def _between(tickers: pl.DataFrame, rows: pl.DataFrame, *, lag_ns: int) -> pl.DataFrame:
    """Move tickers to the rows before them, and leave out what those do not settle."""
    after = {px: pl.col(px).shift(-1).alias(f"next_{px}") for px in _BEST.values()}
    since = {px: _since(px).alias(f"since_{px}") for px in _BEST.values()}
    known = rows.with_columns(pl.col(_KEY).shift(-1).alias(_NEXT_KEY), *after.values(), *since.values())
    last = known.unique(_KEY, keep="last", maintain_order=True).sort(_KEY)
    columns = [_KEY, _NEXT_KEY, schema.SEQ_LAST, *(f"{w}_{px}" for w in ("next", "since") for px in _BEST.values())]
    book = last.select(*columns, *(pl.col(px).alias(f"book_{px}") for px in _BEST.values()))
    said = tickers.with_row_index("at").rename({schema.SEQ_LAST: "asked"}).sort("asked")
    both = said.join_asof(book, left_on="asked", right_on=_KEY).sort("at")
    latest = pl.col(schema.TS_RECV).cast(pl.Int64) - lag_ns
    for px in _BEST.values():
        stood = (pl.col(f"book_{px}") == pl.col(f"next_{px}")) & (pl.col(f"since_{px}") <= latest)
        both = both.with_columns(pl.when(stood).then(pl.col(px)).alias(px))
    nothing = [pl.lit(None, pl.Float64).alias(schema.level(side, "sz", 0)) for side in schema.SIDES]
    is_said = pl.any_horizontal(pl.col(px).is_not_null() for px in _BEST.values())
    settled = both.with_columns(*nothing, pl.when(is_said).then(pl.col(schema.SEQ_LAST)))
    return settled.select(list(TICKERS))


def _since(px: str) -> pl.Expr:
    """Return the time of the row with which a price came to stand."""
    is_new = pl.col(px).ne_missing(pl.col(px).shift(1)) | (pl.int_range(pl.len()) == 0)
    return pl.when(is_new).then(pl.col(schema.TS_RECV).cast(pl.Int64)).forward_fill()


def _frame(tickers: TickerMessages) -> pl.DataFrame:
    columns = {
        schema.TS_RECV: pl.Series(tickers.ts_recv, dtype=pl.Int64).cast(schema.TIME),
        schema.SEQ_LAST: pl.Series(tickers.seq, dtype=pl.Int64),
        schema.level("bid", "px", 0): tickers.bid_px,
        schema.level("bid", "sz", 0): tickers.bid_sz,
        schema.level("ask", "px", 0): tickers.ask_px,
        schema.level("ask", "sz", 0): tickers.ask_sz,
    }
    said = [
        pl.when(pl.col(schema.level(side, "px", 0)) > 0).then(pl.col(schema.level(side, field, 0)))
        for side in schema.SIDES
        for field in schema.FIELDS
    ]
    seq = pl.col(schema.SEQ_LAST)
    return pl.DataFrame(columns).with_columns(pl.when(seq != NO_SEQ).then(seq), *said)
