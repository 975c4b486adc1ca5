"""The venue's own best bids and asks, with the update id at which the book must show them.

Belongs here: which id a ticker is compared at. Does not: the comparison (quality).

A ticker's id is that of an update, or (Bybit) a number that is counted over another set of messages and that an update
carries beside its id: then it is looked up among the updates of the window around the ticker.
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import NO_SEQ, TickerMessages
from trading_assets.raw.rebuilding.stream import Stream

_TICKER: Final = "ticker"
TICKERS: Final[dict[str, pl.DataType]] = {
    schema.TS_RECV: schema.TIME,
    schema.SEQ_LAST: pl.Int64(),
    **{schema.level(side, field, 0): pl.Float64() for side in schema.SIDES for field in schema.FIELDS},
}
"""Receive time, the update id (null where there is none to compare with), and the best level: null where not said."""


class Tickers:
    """The tickers of one day, in file order."""

    def __init__(self) -> None:
        self.n_lines = 0
        self._waiting: list[pl.DataFrame] = []
        self._keys: list[pl.DataFrame] = []

    def push(self, tickers: TickerMessages) -> None:
        """Take more tickers."""
        self.n_lines += len(tickers.line_no)
        if len(tickers.line_no):
            self._waiting.append(_frame(tickers))

    def beside(self, messages: Stream) -> Iterator[pl.DataFrame]:
        """Yield the waiting tickers (`TICKERS`), now that the updates around them are known."""
        if not self._waiting:
            return
        tickers, self._waiting = pl.concat(self._waiting), []
        is_keyed = messages.ticker != NO_SEQ
        if is_keyed.any() or self._keys:
            keys = pl.DataFrame({_TICKER: messages.ticker[is_keyed], schema.SEQ_LAST: messages.last[is_keyed]})
            self._keys = [*self._keys[-1:], keys]
            known = pl.concat(self._keys).unique(_TICKER, keep="last")
            tickers = tickers.rename({schema.SEQ_LAST: _TICKER}).join(
                known, on=_TICKER, how="left", maintain_order="left"
            )
        yield tickers.select(list(TICKERS))

    def rest(self) -> Iterator[pl.DataFrame]:
        """Yield what still waits where there are no more updates."""
        for tickers in self._waiting:
            unknown = pl.lit(None, pl.Int64).alias(schema.SEQ_LAST)
            yield (tickers.with_columns(unknown) if self._keys else tickers).select(list(TICKERS))
        self._waiting = []


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
