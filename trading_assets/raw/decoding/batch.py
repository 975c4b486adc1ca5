"""From rows to columns: what one chunk held, split by kind of message.

Belongs here: which messages survive. Does not: joining chunks (join), what a tick is (scale).
"""

from typing import Final, NamedTuple, Self

import numpy as np

from trading_assets.compiled import compiled
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
    book, trades, tickers = _split(kept)
    return Batch(
        px_decimals=int(kept.decimals[:, at.PX].max(initial=0)),
        book=_book(book),
        trades=_trades(trades),
        tickers=_tickers(tickers),
        off_tick=flat.places(off_tick),
    )


class _Part(NamedTuple):
    """The `n` rows of some kinds by column, and their `m` pairs."""

    ints: Int64s  # [N_COLUMNS, n]
    offsets: Int64s  # [n + 1] where the pairs of each row begin
    mantissas: Int64s  # [2, m]
    decimals: Int8s  # [2, m]
    is_ask: Bools  # [m]

    def units(self, column: int) -> Floats:
        """Return prices or sizes."""
        return in_units(self.mantissas[column], self.decimals[column])


def _split(flat: _Flat) -> tuple[_Part, _Part, _Part]:
    """Put the rows of the book, of trades and of tickers apart."""
    whose = _WHOSE[flat.ints[:, at.KIND]]
    n_rows = np.bincount(whose, minlength=_N_PARTS)
    n_pairs = np.bincount(whose, flat.counts, minlength=_N_PARTS).astype(np.int64)
    book, trades, tickers = map(_room, n_rows.tolist(), n_pairs.tolist())
    _copy(flat, whose, (book, trades, tickers), np.zeros((_N_PARTS, 2), np.int64))
    return book, trades, tickers


_N_PARTS: Final = 3
_WHOSE: Final = np.repeat(np.arange(_N_PARTS), [at.PAUSED + 1, 1, 1])
"""Of each kind of row, which part it belongs to."""


def _room(n_rows: int, n_pairs: int) -> _Part:
    return _Part(
        np.empty((at.N_COLUMNS, n_rows), np.int64),
        np.zeros(n_rows + 1, np.int64),
        np.empty((2, n_pairs), np.int64),
        np.empty((2, n_pairs), np.int8),
        np.empty(n_pairs, np.bool_),
    )


@compiled
def _copy(flat: _Flat, whose: Int64s, parts: tuple[_Part, _Part, _Part], filled: Int64s) -> None:
    """Copy each row to its part; `filled`, `[3, 2]`, counts the rows and pairs there."""
    pair = 0
    for row in range(len(whose)):
        part, n = parts[whose[row]], filled[whose[row]]
        for column in range(at.N_COLUMNS):
            part.ints[column, n[0]] = flat.ints[row, column]
        end, to = flat.ints[row, at.PAIRS_END], n[1]
        while pair < end:
            for column in range(2):
                part.mantissas[column, to] = flat.mantissas[pair, column]
                part.decimals[column, to] = flat.decimals[pair, column]
            part.is_ask[to] = flat.is_ask[pair]
            to += 1
            pair += 1
        n[0] += 1
        n[1] = part.offsets[n[0]] = to


def _filled(rows: Rows) -> _Flat:
    n_rows, n_pairs = rows.cursor[at.N_ROWS], rows.cursor[at.N_PAIRS]
    return _Flat(rows.ints[:n_rows], rows.mantissas[:n_pairs], rows.decimals[:n_pairs], rows.is_ask[:n_pairs])


def _off_tick(flat: _Flat, tick: Step | None) -> Bools:
    if tick is None:
        return np.zeros(len(flat.mantissas), np.bool_)
    return off_step(flat.mantissas[:, at.PX], flat.decimals[:, at.PX], tick)


def _book(part: _Part) -> BookMessages:
    return BookMessages(
        line_no=part.ints[at.LINE_NO],
        ts_recv=part.ints[at.TS_RECV],
        ts_event=part.ints[at.TS_EVENT],
        kind=part.ints[at.KIND].astype(np.int8),
        seq_first=part.ints[at.SEQ_FIRST],
        seq_last=part.ints[at.SEQ_LAST],
        seq_prev=part.ints[at.SEQ_PREV],
        seq_ticker=part.ints[at.SEQ_TICKER],
        max_levels=part.ints[at.MAX_LEVELS],
        checksum=part.ints[at.CHECKSUM],
        px_places=part.ints[at.PX_PLACES],
        sz_places=part.ints[at.SZ_PLACES],
        offsets=part.offsets,
        is_ask=part.is_ask,
        px=part.units(at.PX),
        sz=part.units(at.SZ),
    )


def _trades(part: _Part) -> TradeMessages:
    return TradeMessages(
        line_no=part.ints[at.LINE_NO],
        ts_recv=part.ints[at.TS_RECV],
        ts_event=part.ints[at.TS_EVENT],
        trade_id=part.ints[at.SEQ_FIRST],
        px=part.units(at.PX),
        sz=part.units(at.SZ),
        side=part.ints[at.SIDE].astype(np.int8),
    )


def _tickers(part: _Part) -> TickerMessages:
    px, sz = part.units(at.PX), part.units(at.SZ)
    return TickerMessages(
        line_no=part.ints[at.LINE_NO],
        ts_recv=part.ints[at.TS_RECV],
        seq=part.ints[at.SEQ_FIRST],
        bid_px=px[::2],
        bid_sz=sz[::2],
        ask_px=px[1::2],
        ask_sz=sz[1::2],
    )
