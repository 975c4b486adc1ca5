"""From rows to columns: what one chunk held, split by kind of message.

Belongs here: which messages survive. Does not: joining chunks (join), what a tick is (scale).
"""

from typing import NamedTuple, Self

import numpy as np

from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scale import Step, off_step
from trading_assets.raw.messages import BookMessages, Bools, Floats, Int8s, Int64s, TickerMessages, TradeMessages
from trading_assets.raw.units import in_units


class Batch(NamedTuple):
    """Decoded messages of a stretch of a capture, and the rows that were refused."""

    px_decimals: int
    book: BookMessages
    trades: TradeMessages
    tickers: TickerMessages
    off_tick: Int64s  # [k, 2] LINE_NO and START of each


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


def settle(rows: Rows, tick: Step | None) -> Batch:
    """Turn a chunk's rows into messages; one price off the tick refuses its whole message."""
    flat = _filled(rows)
    off_tick = flat.rows_of(_off_tick(flat, tick))
    kept = flat.without(off_tick)
    px, sz = (in_units(kept.mantissas[:, column], kept.decimals[:, column]) for column in (at.PX, at.SZ))
    kinds = kept.ints[:, at.KIND]
    pair_kinds = np.repeat(kinds, kept.counts)
    book, trades, tickers = kinds <= at.PAUSED, kinds == at.TRADE, kinds == at.TICKER
    levels, fills, quotes = pair_kinds <= at.PAUSED, pair_kinds == at.TRADE, pair_kinds == at.TICKER
    offsets = np.concatenate([[0], np.cumsum(kept.counts[book])])
    return Batch(
        int(kept.decimals[:, at.PX].max(initial=0)),
        _book(kept.ints[book], offsets, kept.is_ask[levels], px=px[levels], sz=sz[levels]),
        _trades(kept.ints[trades], px=px[fills], sz=sz[fills]),
        _tickers(kept.ints[tickers], px=px[quotes].reshape(-1, 2), sz=sz[quotes].reshape(-1, 2)),
        off_tick=flat.places(off_tick),
    )


def _filled(rows: Rows) -> _Flat:
    n_rows, n_pairs = rows.cursor[at.N_ROWS], rows.cursor[at.N_PAIRS]
    return _Flat(rows.ints[:n_rows], rows.mantissas[:n_pairs], rows.decimals[:n_pairs], rows.is_ask[:n_pairs])


def _off_tick(flat: _Flat, tick: Step | None) -> Bools:
    if tick is None:
        return np.zeros(len(flat.mantissas), np.bool_)
    return off_step(flat.mantissas[:, at.PX], flat.decimals[:, at.PX], tick)


def _book(ints: Int64s, offsets: Int64s, is_ask: Bools, *, px: Floats, sz: Floats) -> BookMessages:
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


def _trades(ints: Int64s, *, px: Floats, sz: Floats) -> TradeMessages:
    return TradeMessages(
        line_no=ints[:, at.LINE_NO].copy(),
        ts_recv=ints[:, at.TS_RECV].copy(),
        ts_event=ints[:, at.TS_EVENT].copy(),
        trade_id=ints[:, at.SEQ_FIRST].copy(),
        px=px,
        sz=sz,
        side=ints[:, at.SIDE].astype(np.int8),
    )


def _tickers(ints: Int64s, *, px: Floats, sz: Floats) -> TickerMessages:
    return TickerMessages(
        line_no=ints[:, at.LINE_NO].copy(),
        ts_recv=ints[:, at.TS_RECV].copy(),
        seq=ints[:, at.SEQ_FIRST].copy(),
        bid_px=px[:, 0].copy(),
        bid_sz=sz[:, 0].copy(),
        ask_px=px[:, 1].copy(),
        ask_sz=sz[:, 1].copy(),
    )
