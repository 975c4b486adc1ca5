"""Rows of one chunk while it is decoded: flat arrays that the strict and the fast decoder both append to.

Belongs here: the layout of a row, and writing a record into it. Does not: parsing, nor scales (scale).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from trading_assets.raw.messages import BUY, NO_CHECKSUM, NO_SEQ, NO_SIDE, NO_TIME, SELL, Bools, Int8s, Int64s
from trading_assets.venues.wire import Depth, Level, Mark, Number, Ticker, Trade

# Columns of a row. SEQ_FIRST also holds a trade's id and a ticker's update id; DROP takes what is checked, not kept.
LINE_NO, KIND, START, TS_RECV, PAIRS_END, DROP = range(6)
TS_EVENT, SEQ_FIRST, SEQ_LAST, SEQ_PREV, SIDE, SEQ_TICKER, MAX_LEVELS, CHECKSUM, PX_PLACES, SZ_PLACES = range(6, 16)
N_COLUMNS: Final = SZ_PLACES + 1

# Kinds of row: those of messages.BookMessages, and two more.
UPDATE, SNAPSHOT, RESUMED, PAUSED, TRADE, TICKER = range(6)

# Columns of a price and size pair.
PX, SZ = range(2)

_NOT_SAID: Final = (Number(0, 0), Number(0, 0))
_NO_IDS: Final = (NO_SEQ, NO_SEQ)  # seq_last and seq_prev
_NOTHING_MORE: Final = (NO_SEQ, 0, NO_CHECKSUM, 0, 0)

# Where decoding stands: the next byte of the chunk, its line in the capture, rows and pairs filled.
AT, LINE, N_ROWS, N_PAIRS = range(4)

_MIN_BYTES_A_PAIR: Final = len('["1","0"]')
_MIN_BYTES_A_ROW: Final = len('["1","1","1","s","l",""]')


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

    def append(self, ts_recv: int, record: Depth | Trade | Ticker | Mark, *, start: int) -> None:
        """Write one record of a line, which began at byte `start` of the chunk, as the next row."""
        bids, asks = _sides(record)
        self._append_pairs(bids, is_ask=False)
        self._append_pairs(asks, is_ask=True)
        row = self.ints[self.cursor[N_ROWS]]
        row[LINE_NO], row[START], row[TS_RECV] = self.cursor[LINE], start, ts_recv
        row[KIND], row[TS_EVENT:] = _kind(record), _facts(record)
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


def _sides(record: Depth | Trade | Ticker | Mark) -> tuple[Sequence[Level], Sequence[Level]]:
    match record:
        case Depth():
            return record.bids, record.asks
        case Ticker():
            return [record.bid or _NOT_SAID], [record.ask or _NOT_SAID]
        case Trade():
            return [(record.px, record.sz)], []
        case Mark():
            return [], []


def _kind(record: Depth | Trade | Ticker | Mark) -> int:
    match record:
        case Depth():
            return SNAPSHOT if record.is_snapshot else UPDATE
        case Ticker():
            return TICKER
        case Trade():
            return TRADE
        case Mark():
            return PAUSED if record.resumed_at is None else RESUMED


def _facts(record: Depth | Trade | Ticker | Mark) -> tuple[int, ...]:
    """Columns TS_EVENT to SZ_PLACES."""
    match record:
        case Depth():
            checksum = NO_CHECKSUM if record.checksum is None else record.checksum
            ids = _or(NO_SEQ, record.seq_first, record.seq_last, record.seq_prev)
            rest = (*_or(NO_SEQ, record.seq_ticker), record.max_levels or 0, checksum, *record.places)
            return (*_or(NO_TIME, record.ts_event), *ids, NO_SIDE, *rest)
        case Ticker():
            return (NO_TIME, *_or(NO_SEQ, record.seq), *_NO_IDS, NO_SIDE, *_NOTHING_MORE)
        case Trade():
            side = NO_SIDE if record.is_sell is None else (SELL if record.is_sell else BUY)
            return (record.ts_event, *_or(NO_SEQ, record.trade_id), *_NO_IDS, side, *_NOTHING_MORE)
        case Mark():
            numbers = _or(NO_SEQ, record.resumed_at if record.paused_at is None else record.paused_at) * 2
            return (NO_TIME, *numbers, NO_SEQ, NO_SIDE, *_NOTHING_MORE)


def _or(missing: int, *values: int | None) -> tuple[int, ...]:
    return tuple(missing if value is None else value for value in values)
