"""Trades in the venue's order, and the trades that are missing.

Belongs here: order, repeats and gaps of trade ids. Does not: what trades say about the market (features).

Trades are sorted by id; each keeps the receive time it came with. Of repeats the first to arrive counts. Where a
venue's ids are consecutive, an id that arrives more than one above the highest so far reveals a gap. It is noted when
it is revealed, and stays noted when the missing trade comes late: at that moment it *was* missing. The book knows
nothing of it and stays valid. Trades without ids stay in the order in which they arrived.

Like depth messages, trades are put in their place among the `WINDOW` around them. Farther out of order they are handed
over as they come, and `is_sorted` says so: whoever gathers them sorts them in the end (`in_order`).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import BUY, NO_SEQ, NO_SIDE, NO_TIME, SELL, TradeMessages, concatenated, nothing
from trading_assets.raw.rebuilding.stream import WINDOW

_SIDES: Final = {SELL: "sell", BUY: "buy", NO_SIDE: None}
_N_LINES: Final = "n_lines"
_GAPS: Final = (schema.TS_START, schema.TS_KNOWN, schema.TS_END, schema.SEQ_BEFORE, schema.SEQ_AFTER)


class Tape:
    """The trades of one day.

    Args:
        are_consecutive: a trade id that is skipped is a trade that was lost.
        window: how many are put in order at a time.
    """

    def __init__(self, *, are_consecutive: bool, window: int = WINDOW) -> None:
        self._window = window
        self.n_rows = 0
        self.n_lines = 0
        self.n_repeated_lines = 0
        self.is_sorted = True
        self.n_without_id = 0
        self.n_without_side = 0
        self.has_ids = False
        self._are_consecutive = are_consecutive
        self._pushed: list[TradeMessages] = []
        self._n_pushed = 0
        self._arriving = pl.DataFrame()
        self._waiting: list[pl.DataFrame] = []  # in order of arrival, to be put in order of ids
        self._recent = pl.Series(dtype=pl.Int64)
        self._highest: int | None = None
        self._last_ts = 0
        self._last_id = pl.Series(dtype=pl.Int64)
        self._gaps: list[pl.DataFrame] = []

    def push(self, trades: TradeMessages) -> Iterator[pl.DataFrame]:
        """Take more trades; yield rows (`schema.TRADES`) whose place is known."""
        self._pushed.append(trades)
        self._n_pushed += len(trades.line_no)
        if len(self._arriving) + self._n_pushed < 2 * self._window:
            return
        held = self._held()
        while len(held) >= 2 * self._window:
            settled = held.head(2 * self._window).sort(schema.TS_RECV, schema.TRADE_ID, maintain_order=True)
            held = pl.concat([settled.tail(self._window), held.slice(2 * self._window)])
            yield from self._arrive(settled.head(self._window), n_waiting=self._window)
        self._arriving = held

    def flush(self) -> Iterator[pl.DataFrame]:
        """Yield what is held: the capture ends here."""
        if self._pushed or len(self._arriving):
            rest = self._held().sort(schema.TS_RECV, schema.TRADE_ID, maintain_order=True)
            self._arriving = pl.DataFrame()
            yield from self._arrive(rest, n_waiting=0)

    def gaps(self) -> pl.DataFrame:
        """Return the ledger rows (`schema.FEED_GAPS`) of trade ids that were missing when a later one arrived."""
        empty = pl.DataFrame(schema=dict.fromkeys(_GAPS, pl.Int64))
        found = pl.concat([empty, *self._gaps])
        return found.with_columns(pl.lit("trade_gap").alias(schema.CAUSE)).cast(pl.Schema(schema.FEED_GAPS))

    def _held(self) -> pl.DataFrame:
        """Return all trades whose place is not known, in file order."""
        pushed, self._pushed, self._n_pushed = _frame(concatenated([nothing().trades, *self._pushed])), [], 0
        return pl.concat([self._arriving, pushed]) if len(self._arriving) else pushed

    def _arrive(self, arrived: pl.DataFrame, *, n_waiting: int) -> Iterator[pl.DataFrame]:
        new = self._without_repeats(arrived)
        if self._are_consecutive:
            self._note_gaps(new)
        self._waiting.append(new)
        rows = pl.concat(self._waiting)
        if rows[schema.TRADE_ID].null_count() < len(rows):
            self.has_ids = True
            rows = rows.sort(schema.TRADE_ID, maintain_order=True)
        settled, self._waiting = rows.head(max(0, len(rows) - n_waiting)), [rows.tail(n_waiting)]
        if len(settled):
            self._check_order(settled[schema.TRADE_ID])
            self.n_rows += len(settled)
            self.n_lines += int(settled[_N_LINES].sum())
            self.n_without_id += settled[schema.TRADE_ID].null_count()
            self.n_without_side += settled[schema.AGGRESSOR_SIDE].null_count()
            yield settled.drop(_N_LINES)

    def _without_repeats(self, arrived: pl.DataFrame) -> pl.DataFrame:
        ids = arrived[schema.TRADE_ID]
        both = pl.concat([self._recent, ids])
        is_new = (both.is_first_distinct() | both.is_null()).tail(len(ids))
        self._recent = ids
        self.n_repeated_lines += int(arrived.filter(~is_new)[_N_LINES].sum())
        return arrived.filter(is_new)

    def _note_gaps(self, new: pl.DataFrame) -> None:
        numbered = new.filter(pl.col(schema.TRADE_ID).is_not_null())
        trade_id, ts = numbered[schema.TRADE_ID].to_numpy(), numbered[schema.TS_RECV].cast(pl.Int64).to_numpy()
        if not len(trade_id):
            return
        if self._highest is None:
            self._highest, self._last_ts = int(trade_id[0]), int(ts[0])
        highest = np.maximum.accumulate(np.concatenate([[self._highest], trade_id]))
        before = np.concatenate([[self._last_ts], ts])
        at = np.flatnonzero(trade_id > highest[:-1] + 1)
        if len(at):
            columns = (before[at], ts[at], ts[at], highest[at], trade_id[at])
            self._gaps.append(pl.DataFrame(dict(zip(_GAPS, columns, strict=True))))
        self._highest, self._last_ts = int(highest[-1]), int(ts[-1])

    def _check_order(self, ids: pl.Series) -> None:
        """Compare each id with the one before it, however many trades without one stand in between."""
        known = pl.concat([self._last_id, ids.drop_nulls()])
        self.is_sorted &= bool((known.diff().drop_nulls() > 0).all())
        self._last_id = known.tail(1)


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort trades by id and keep the first of repeats, for a tape that is not sorted."""
    trade_id = pl.col(schema.TRADE_ID)
    return rows.sort(schema.TRADE_ID, maintain_order=True).filter(trade_id.is_null() | trade_id.is_first_distinct())


def _frame(trades: TradeMessages) -> pl.DataFrame:
    """Return `schema.TRADES` in file order, and 1 where a line of the capture begins with this trade, else 0."""
    columns = {
        schema.TS_EVENT: pl.Series(trades.ts_event, dtype=pl.Int64),
        schema.TS_RECV: pl.Series(trades.ts_recv, dtype=pl.Int64),
        schema.TRADE_ID: pl.Series(trades.trade_id, dtype=pl.Int64),
        schema.PX: trades.px,
        schema.SZ: trades.sz,
        schema.AGGRESSOR_SIDE: pl.Series(trades.side, dtype=pl.Int8),
    }
    event, trade_id, side = (pl.col(name) for name in (schema.TS_EVENT, schema.TRADE_ID, schema.AGGRESSOR_SIDE))
    n_lines = pl.Series(_N_LINES, np.diff(trades.line_no, prepend=-1) != 0).cast(pl.Int64)
    rows = pl.DataFrame(columns).with_columns(
        pl.when(event != NO_TIME).then(event),
        pl.when(trade_id != NO_SEQ).then(trade_id),
        side.replace_strict(_SIDES, return_dtype=schema.AGGRESSOR),
    )
    return rows.cast(pl.Schema(schema.TRADES)).with_columns(n_lines)
