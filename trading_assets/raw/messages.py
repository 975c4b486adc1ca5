"""Decoded wire messages as columns: what a decoder hands over and everything after it works on.

Belongs here: the layout. Prices are whole ticks and sizes whole lots of a power of ten, so that they are exact.
Does not: how bytes become columns (decode), nor what columns mean for the book (book).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

NO_TIME: Final = np.iinfo(np.int64).min
"""Marks a clock the message did not carry (a spot REST snapshot has no event time)."""
NO_SEQ: Final = -1
"""Marks an update id the message did not carry (spot has no `pu`)."""
MAX_LINE_BYTES: Final = 4 * 2**20
"""Longest line that is decoded; a 5,000-level snapshot, the largest message of a venue, has under 0.4 MB."""


@dataclass(frozen=True, slots=True)
class BookMessages:
    """`n` depth updates and REST snapshots in file order, with their `m` levels side by side.

    Levels of message `i` are rows `offsets[i]` to `offsets[i + 1]` of the level columns. A level of size 0
    in an update removes its price. A snapshot has `seq_first == seq_last == lastUpdateId`.
    """

    line_no: Int64s  # [n] 0-based line of the capture
    ts_recv: Int64s  # [n] ns since the epoch
    ts_event: Int64s  # [n] ns since the epoch, or NO_TIME
    is_snapshot: Bools  # [n]
    seq_first: Int64s  # [n] U
    seq_last: Int64s  # [n] u
    seq_prev: Int64s  # [n] pu, or NO_SEQ
    offsets: Int64s  # [n + 1]
    is_ask: Bools  # [m]
    px: Int64s  # [m] in 10 ** -px_decimals
    sz: Int64s  # [m] in 10 ** -sz_decimals


@dataclass(frozen=True, slots=True)
class TradeMessages:
    """`n` trades in file order."""

    line_no: Int64s
    ts_recv: Int64s
    ts_event: Int64s
    trade_id: Int64s
    px: Int64s
    sz: Int64s
    is_sell: Bools  # the aggressor sold: the buyer was the maker


@dataclass(frozen=True, slots=True)
class TickerMessages:
    """`n` best bid/ask messages in file order: the venue's own word on the top of the book."""

    line_no: Int64s
    ts_recv: Int64s
    seq: Int64s  # u, comparable with BookMessages.seq_last
    bid_px: Int64s
    bid_sz: Int64s
    ask_px: Int64s
    ask_sz: Int64s


@dataclass(frozen=True, slots=True)
class OverlongLine:
    """A line longer than a reader's limit, handed over as its first bytes only: it ends as a dead letter."""

    prefix: bytes
    n_bytes: int  # of the whole line, its line feed included


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line that could not be decoded; `raw` is at most its first 64 KiB, the capture keeps all of it."""

    line_no: int
    offset: int  # bytes from the start of the uncompressed capture
    n_bytes: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Messages:
    """One capture, decoded. Every line is in exactly one of book, trades, tickers, ignored and dead letters."""

    n_lines: int
    px_decimals: int
    sz_decimals: int
    book: BookMessages
    trades: TradeMessages
    tickers: TickerMessages
    ignored: dict[str, int]  # event kind -> number of lines
    dead_letters: tuple[DeadLetter, ...]
