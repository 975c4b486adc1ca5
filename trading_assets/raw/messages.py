"""Decoded wire messages as columns: what a decoder hands over and everything after it works on.

Belongs here: the layout. Prices and sizes are in the venue's units, each the nearest double to what was sent.
Does not: how bytes become columns (decode), nor what columns mean for the book (book).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Int8s = NDArray[np.int8]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

NO_TIME: Final = np.iinfo(np.int64).min
"""Marks a clock the message did not carry (a spot REST snapshot has no event time)."""
NO_SEQ: Final = -1
"""Marks an id the message did not carry (spot has no `pu`)."""
NO_CHECKSUM: Final = -1

UPDATE: Final = 0
SNAPSHOT: Final = 1
RESUMED: Final = 2
PAUSED: Final = 3
BUY: Final = 0
SELL: Final = 1
NO_SIDE: Final = -1


@dataclass(frozen=True, slots=True)
class BookMessages:
    """`n` depth updates, snapshots and marks in file order, with their `m` levels side by side.

    Levels of message `i` are rows `offsets[i]` to `offsets[i + 1]` of the level columns. A level of size 0
    in an update removes its price. A snapshot has `seq_first == seq_last`. A mark (RESUMED, PAUSED) has no levels.
    """

    line_no: Int64s  # [n] 0-based line of the capture
    ts_recv: Int64s  # [n] ns since the epoch
    ts_event: Int64s  # [n] ns since the epoch, or NO_TIME
    kind: Int8s  # [n] UPDATE, SNAPSHOT, RESUMED or PAUSED
    seq_first: Int64s  # [n] first update id (Binance U), or NO_SEQ; of a mark the number it names
    seq_last: Int64s  # [n] last update id (Binance u), or NO_SEQ; of a mark the number it names
    seq_prev: Int64s  # [n] id of the update before (Binance pu), or NO_SEQ
    seq_ticker: Int64s  # [n] what the id of a ticker is compared with, NO_SEQ where that is seq_last
    max_levels: Int64s  # [n] levels a side that the subscription shows: what lies deeper is gone; 0 is all
    checksum: Int64s  # [n] CRC32 of the top of the book after the message, or NO_CHECKSUM
    px_places: Int64s  # [n] decimals that prices are printed with, for the checksum
    sz_places: Int64s  # [n] the same of sizes
    offsets: Int64s  # [n + 1]
    is_ask: Bools  # [m]
    px: Floats  # [m]
    sz: Floats  # [m]

    @property
    def is_snapshot(self) -> Bools:
        """Which messages are a whole book: `[n]`."""
        found: Bools = self.kind == SNAPSHOT
        return found


@dataclass(frozen=True, slots=True)
class TradeMessages:
    """`n` trades in file order."""

    line_no: Int64s
    ts_recv: Int64s
    ts_event: Int64s
    trade_id: Int64s  # or NO_SEQ
    px: Floats
    sz: Floats
    side: Int8s  # BUY, SELL or NO_SIDE: what the aggressor did


@dataclass(frozen=True, slots=True)
class TickerMessages:
    """`n` best bid/ask messages in file order: the venue's own word on the top of the book.

    A price of 0 says nothing about its side.
    """

    line_no: Int64s
    ts_recv: Int64s
    seq: Int64s  # comparable with BookMessages.seq_ticker, else seq_last; or NO_SEQ
    bid_px: Floats
    bid_sz: Floats
    ask_px: Floats
    ask_sz: Floats


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
    """A capture or a stretch of it, decoded.

    Every line is in exactly one of book, trades, tickers, ignored and dead letters.
    """

    n_lines: int
    px_decimals: int  # a number of decimals that holds every price
    book: BookMessages
    trades: TradeMessages
    tickers: TickerMessages
    ignored: dict[str, int]  # event kind -> number of lines
    dead_letters: tuple[DeadLetter, ...]


_OF_MESSAGES: Final = (
    *("line_no", "ts_recv", "ts_event", "seq_first", "seq_last", "seq_prev", "seq_ticker"),
    *("max_levels", "checksum", "px_places", "sz_places"),
)


def nothing() -> Messages:
    """Return the messages of an empty capture."""
    none: Int64s = np.zeros(0, np.int64)
    small: Int8s = np.zeros(0, np.int8)
    floats: Floats = np.zeros(0)
    bits: Bools = np.zeros(0, np.bool_)
    of_messages = dict.fromkeys(_OF_MESSAGES, none)
    book = BookMessages(**of_messages, kind=small, offsets=np.zeros(1, np.int64), is_ask=bits, px=floats, sz=floats)
    trades = TradeMessages(none, none, none, none, floats, floats, small)
    tickers = TickerMessages(none, none, none, floats, floats, floats, floats)
    return Messages(0, 0, book, trades, tickers, {}, ())


_Columns = TypeVar("_Columns", BookMessages, TradeMessages, TickerMessages)


def concatenated(parts: Sequence[_Columns]) -> _Columns:
    """Put the columns of parts (at least one) one after the other; offsets of levels are left as they are."""
    names = [column.name for column in fields(parts[0])]
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
