"""Rows of one chunk while it is decoded: flat arrays that the strict and the fast decoder both append to.

Belongs here: the layout of a row, and writing a record into it. Does not: parsing, nor scales (scale).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.raw.messages import NO_SEQ, NO_TIME, Bools, Int64s
from trading_assets.venues.wire import Depth, Level, Ticker, Trade

Int8s = NDArray[np.int8]

# Columns of a row. SEQ_FIRST also holds a trade's id and a ticker's update id; DROP takes what is checked, not kept.
LINE_NO, KIND, START, TS_RECV, TS_EVENT, SEQ_FIRST, SEQ_LAST, SEQ_PREV, IS_SELL, PAIRS_END, DROP = range(11)
N_COLUMNS: Final = DROP + 1

# Kinds of row. IGNORED is counted, and leaves no row.
UPDATE, SNAPSHOT, TRADE, TICKER, IGNORED = range(5)

# Columns of a price and size pair.
PX, SZ = range(2)

# Where decoding stands: the next byte of the chunk, its line in the capture, rows and pairs filled.
AT, LINE, N_ROWS, N_PAIRS = range(4)

_MIN_BYTES_A_PAIR: Final = len('["1","0"]')
_MIN_BYTES_A_ROW: Final = len('1 {"lastUpdateId":1,"bids":[],"asks":[]}')


class Rows:
    """Growing rows over preallocated arrays; `begin` empties them for the next chunk.

    A row owns `(price, size)` pairs up to its PAIRS_END: a trade one, a ticker its bid and its ask, a depth message its
    levels, bids first. A number is `mantissa * 10 ** -decimals`.
    """

    def __init__(self) -> None:
        self.cursor: Int64s = np.zeros(4, np.int64)
        self._allocate(0)

    def begin(self, *, n_bytes: int, line_no: int) -> None:
        """Forget the last chunk and make room for whatever one of `n_bytes` can hold."""
        self.cursor[:] = (0, line_no, 0, 0)
        if n_bytes > self._n_bytes:
            self._allocate(n_bytes)

    def append(self, ts_recv: int, record: Depth | Trade | Ticker, *, start: int) -> None:
        """Write one decoded line, which began at byte `start` of the chunk, as the next row."""
        bids, asks = _sides(record)
        self._append_pairs(bids, is_ask=False)
        self._append_pairs(asks, is_ask=True)
        row = self.ints[self.cursor[N_ROWS]]
        row[LINE_NO], row[START], row[TS_RECV] = self.cursor[LINE], start, ts_recv
        row[KIND], row[TS_EVENT : IS_SELL + 1] = _kind(record), _facts(record)
        row[PAIRS_END] = self.cursor[N_PAIRS]
        self.cursor[N_ROWS] += 1

    def _append_pairs(self, pairs: Sequence[Level], *, is_ask: bool) -> None:
        if pairs:
            at = slice(self.cursor[N_PAIRS], self.cursor[N_PAIRS] + len(pairs))
            self.mantissas[at] = [(px.mantissa, sz.mantissa) for px, sz in pairs]
            self.decimals[at] = [(px.decimals, sz.decimals) for px, sz in pairs]
            self.is_ask[at] = is_ask
            self.cursor[N_PAIRS] += len(pairs)

    def _allocate(self, n_bytes: int) -> None:
        n_rows, n_pairs = n_bytes // _MIN_BYTES_A_ROW + 1, n_bytes // _MIN_BYTES_A_PAIR + 1
        self._n_bytes = n_bytes
        self.ints: Int64s = np.empty((n_rows, N_COLUMNS), np.int64)
        self.mantissas: Int64s = np.empty((n_pairs, 2), np.int64)
        self.decimals: Int8s = np.empty((n_pairs, 2), np.int8)
        self.is_ask: Bools = np.empty(n_pairs, np.bool_)


def _sides(record: Depth | Trade | Ticker) -> tuple[Sequence[Level], Sequence[Level]]:
    match record:
        case Depth():
            return record.bids, record.asks
        case Ticker():
            return [(record.bid_px, record.bid_sz)], [(record.ask_px, record.ask_sz)]
        case Trade():
            return [(record.px, record.sz)], []


def _kind(record: Depth | Trade | Ticker) -> int:
    match record:
        case Depth():
            return SNAPSHOT if record.is_snapshot else UPDATE
        case Ticker():
            return TICKER
        case Trade():
            return TRADE


def _facts(record: Depth | Trade | Ticker) -> tuple[int, int, int, int, bool]:
    """Columns TS_EVENT to IS_SELL."""
    match record:
        case Depth():
            ts_event = NO_TIME if record.ts_event is None else record.ts_event
            seq_prev = NO_SEQ if record.seq_prev is None else record.seq_prev
            return ts_event, record.seq_first, record.seq_last, seq_prev, False
        case Ticker():
            return NO_TIME, record.seq, 0, NO_SEQ, False
        case Trade():
            return record.ts_event, record.trade_id, 0, NO_SEQ, record.is_sell
