"""From rows to columns: what one chunk held, at its own scale, split by kind of message.

Belongs here: which messages survive, and at which scale. Does not: joining chunks (join), powers of ten (scale).
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scale import Step, off_step, overflows, rescale
from trading_assets.raw.messages import BookMessages, Bools, Int8s, Int64s, TickerMessages, TradeMessages
from trading_assets.venues.wire import MAX_DECIMALS


class Steps(NamedTuple):
    """What is known of an instrument's tick and lot before its messages are read."""

    tick: Step | None
    lot: Step | None

    @property
    def max_px_decimals(self) -> int:
        """The finest scale that prices can end at."""
        return MAX_DECIMALS if self.tick is None else self.tick.decimals


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded messages of a stretch of a capture; numbers are whole multiples of `10 ** -decimals`."""

    px_decimals: int
    sz_decimals: int
    book: BookMessages
    trades: TradeMessages
    tickers: TickerMessages


class Settled(NamedTuple):
    """A chunk's batch, and of the rows `(LINE_NO, START)` refused, and of those that may overflow later."""

    batch: Batch
    off_tick: Int64s  # [k, 2]
    too_large: Int64s  # [k, 2]
    at_risk: Int64s  # [k, 2]


class _Flat(NamedTuple):
    """Filled rows and their pairs, as `Rows` lays them out."""

    ints: Int64s
    mantissas: Int64s
    decimals: Int8s
    is_ask: Bools

    @property
    def counts(self) -> Int64s:
        """Pairs a row."""
        return np.diff(self.ints[:, at.PAIRS_END], prepend=0)

    def rows_of(self, pairs: Bools) -> Int64s:
        """Indices of the rows that own a marked pair."""
        return np.unique(np.searchsorted(self.ints[:, at.PAIRS_END], np.flatnonzero(pairs), side="right"))

    def places(self, rows: Int64s) -> Int64s:
        """Line number and first byte of some rows."""
        return self.ints[rows][:, [at.LINE_NO, at.START]]

    def without(self, rows: Int64s) -> Self:
        """Drop rows with their pairs."""
        if not rows.size:
            return self
        keep = np.ones(len(self.ints), np.bool_)
        keep[rows] = False
        pairs = np.repeat(keep, self.counts)
        ints = self.ints[keep]
        ints[:, at.PAIRS_END] = np.cumsum(self.counts[keep])
        return self._replace(
            ints=ints, mantissas=self.mantissas[pairs], decimals=self.decimals[pairs], is_ask=self.is_ask[pairs]
        )


def settle(rows: Rows, steps: Steps) -> Settled:
    """Turn a chunk's rows into a batch at the chunk's own scale.

    Prices end at the tick's decimals, or without a tick at the fewest that hold all of them; sizes at the fewest that
    hold all of them and the lot, for venues do send sizes off the lot. One bad number refuses its whole message.
    """
    flat = _filled(rows)
    off_tick = flat.rows_of(_off_tick(flat, steps))
    kept = flat.without(off_tick)
    px_to = steps.tick.decimals if steps.tick else int(kept.decimals[:, at.PX].max(initial=0))
    sz_to = int(kept.decimals[:, at.SZ].max(initial=steps.lot.decimals if steps.lot else 0))
    too_large = kept.rows_of(_too_large(kept, px_to, sz_to))
    fit = kept.without(too_large)
    return Settled(
        _split(fit, px_to, sz_to),
        off_tick=flat.places(off_tick),
        too_large=kept.places(too_large),
        at_risk=fit.places(fit.rows_of(_too_large(fit, steps.max_px_decimals, MAX_DECIMALS))),
    )


def _filled(rows: Rows) -> _Flat:
    n_rows, n_pairs = rows.cursor[at.N_ROWS], rows.cursor[at.N_PAIRS]
    return _Flat(rows.ints[:n_rows], rows.mantissas[:n_pairs], rows.decimals[:n_pairs], rows.is_ask[:n_pairs])


def _off_tick(flat: _Flat, steps: Steps) -> Bools:
    if steps.tick is None:
        return np.zeros(len(flat.mantissas), np.bool_)
    return off_step(flat.mantissas[:, at.PX], flat.decimals[:, at.PX], steps.tick)


def _too_large(flat: _Flat, px_to: int, sz_to: int) -> Bools:
    px = overflows(flat.mantissas[:, at.PX], flat.decimals[:, at.PX], px_to)
    marked: Bools = px | overflows(flat.mantissas[:, at.SZ], flat.decimals[:, at.SZ], sz_to)
    return marked


def _split(flat: _Flat, px_to: int, sz_to: int) -> Batch:
    px = rescale(flat.mantissas[:, at.PX], flat.decimals[:, at.PX], px_to)
    sz = rescale(flat.mantissas[:, at.SZ], flat.decimals[:, at.SZ], sz_to)
    kinds = flat.ints[:, at.KIND]
    pair_kinds = np.repeat(kinds, flat.counts)
    book, trades, tickers = kinds <= at.PAUSED, kinds == at.TRADE, kinds == at.TICKER
    levels, fills, quotes = pair_kinds <= at.PAUSED, pair_kinds == at.TRADE, pair_kinds == at.TICKER
    offsets = np.concatenate([[0], np.cumsum(flat.counts[book])])
    return Batch(
        px_to,
        sz_to,
        _book(flat.ints[book], offsets, flat.is_ask[levels], px=px[levels], sz=sz[levels]),
        _trades(flat.ints[trades], px=px[fills], sz=sz[fills]),
        _tickers(flat.ints[tickers], px=px[quotes].reshape(-1, 2), sz=sz[quotes].reshape(-1, 2)),
    )


def _book(ints: Int64s, offsets: Int64s, is_ask: Bools, *, px: Int64s, sz: Int64s) -> BookMessages:
    return BookMessages(
        line_no=ints[:, at.LINE_NO].copy(),
        ts_recv=ints[:, at.TS_RECV].copy(),
        ts_event=ints[:, at.TS_EVENT].copy(),
        kind=ints[:, at.KIND].astype(np.int8),
        seq_first=ints[:, at.SEQ_FIRST].copy(),
        seq_last=ints[:, at.SEQ_LAST].copy(),
        seq_prev=ints[:, at.SEQ_PREV].copy(),
        seq_ticker=ints[:, at.SEQ_TICKER].copy(),
        max_levels=ints[:, at.MAX_LEVELS].copy(),
        checksum=ints[:, at.CHECKSUM].copy(),
        px_places=ints[:, at.PX_PLACES].copy(),
        sz_places=ints[:, at.SZ_PLACES].copy(),
        offsets=offsets,
        is_ask=is_ask,
        px=px,
        sz=sz,
    )


def _trades(ints: Int64s, *, px: Int64s, sz: Int64s) -> TradeMessages:
    return TradeMessages(
        line_no=ints[:, at.LINE_NO].copy(),
        ts_recv=ints[:, at.TS_RECV].copy(),
        ts_event=ints[:, at.TS_EVENT].copy(),
        trade_id=ints[:, at.SEQ_FIRST].copy(),
        px=px,
        sz=sz,
        side=ints[:, at.SIDE].astype(np.int8),
    )


def _tickers(ints: Int64s, *, px: Int64s, sz: Int64s) -> TickerMessages:
    return TickerMessages(
        line_no=ints[:, at.LINE_NO].copy(),
        ts_recv=ints[:, at.TS_RECV].copy(),
        seq=ints[:, at.SEQ_FIRST].copy(),
        bid_px=px[:, 0].copy(),
        bid_sz=sz[:, 0].copy(),
        ask_px=px[:, 1].copy(),
        ask_sz=sz[:, 1].copy(),
    )
