"""Depth messages on their way through the rebuild: columns, their levels, and the order in which they arrived.

Belongs here: cutting, joining and ordering messages together with their levels, a bounded number at a time.
Does not: what a message does to the book (follower, book).

Messages count in the order in which they were received (at one instant by update id), which is nearly that of the file.
`Reordered` therefore puts each message in its place among the `WINDOW` before and after it, and holds no more than two
windows of them. A message that stands farther from its place is taken where it is met: it arrives late.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np

from trading_assets.raw.messages import BookMessages, Bools, Floats, Int8s, Int64s

WINDOW: Final = 8192


class Stream(NamedTuple):
    """`n` depth messages and their `m` levels, those of message `i` being `n_levels[i]` in a row."""

    ts_recv: Int64s  # [n] ns since the epoch
    ts_event: Int64s  # [n] ns, or NO_TIME
    kind: Int8s  # [n] UPDATE, SNAPSHOT, RESUMED or PAUSED
    first: Int64s  # [n] the venue's ids, or NO_SEQ
    last: Int64s  # [n]
    prev: Int64s  # [n]
    ticker: Int64s  # [n] what a ticker's id is compared with, NO_SEQ where that is `last`
    max_levels: Int64s  # [n] levels a side beyond which the venue says nothing; 0 is all
    checksum: Int64s  # [n] or NO_CHECKSUM
    px_places: Int64s  # [n] decimals a checksum is made over
    sz_places: Int64s  # [n]
    n_lines: Int64s  # [n] 1 where a line of the capture begins with this message, else 0
    n_levels: Int64s  # [n]
    is_ask: Bools  # [m]
    px: Floats  # [m] in the venue's units
    sz: Floats  # [m] in the venue's units; 0 removes the price

    @classmethod
    def of(cls, book: BookMessages) -> Self:
        """Take decoded messages."""
        return cls(
            ts_recv=book.ts_recv,
            ts_event=book.ts_event,
            kind=book.kind,
            first=book.seq_first,
            last=book.seq_last,
            prev=book.seq_prev,
            ticker=book.seq_ticker,
            max_levels=book.max_levels,
            checksum=book.checksum,
            px_places=book.px_places,
            sz_places=book.sz_places,
            n_lines=(np.diff(book.line_no, prepend=-1) != 0).astype(np.int64),
            n_levels=np.diff(book.offsets),
            is_ask=book.is_ask,
            px=book.px,
            sz=book.sz,
        )

    @property
    def offsets(self) -> Int64s:
        """Where the levels of each message begin, and where the last ones end: `[n + 1]`."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.n_levels)])

    def cut(self, start: int, end: int) -> Self:
        """Return messages `start` to `end`, without copying."""
        first, last = int(self.n_levels[:start].sum()), int(self.n_levels[:end].sum())
        return self._picked(slice(start, end), slice(first, last))

    def taken(self, which: Int64s) -> Self:
        """Return the messages of these indices, in this order."""
        counts, starts = self.n_levels[which], self.offsets[which]
        ends = np.cumsum(counts)
        levels = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
        return self._picked(which, levels)

    def _picked(self, messages: Int64s | slice, levels: Int64s | slice) -> Self:
        columns: Iterable[tuple[str, Any]] = zip(self._fields, self, strict=True)
        return type(self)(*(column[levels if name in _OF_LEVELS else messages] for name, column in columns))


_OF_LEVELS: Final = frozenset({"is_ask", "px", "sz"})


def joined(parts: Sequence[Stream]) -> Stream:
    """Put streams (at least one) one after the other."""
    return (
        parts[0] if len(parts) == 1 else Stream._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    )


class Reordered:
    """Messages handed on by the window, in order of arrival.

    Args:
        window: how many at a time.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._held: list[Stream] = []
        self._n = 0

    def push(self, messages: Stream) -> Iterator[Stream]:
        """Take more messages of the capture; yield those whose place is known."""
        self._held.append(messages)
        self._n += len(messages.kind)
        while self._n >= 2 * self._window:
            held = joined(self._held)
            settled = _in_order(held.cut(0, 2 * self._window))
            yield settled.cut(0, self._window)
            self._held = [settled.cut(self._window, 2 * self._window), held.cut(2 * self._window, self._n)]
            self._n -= self._window

    def flush(self) -> Iterator[Stream]:
        """Yield what is held: the capture ends here."""
        if self._n:
            yield _in_order(joined(self._held))
        self._held, self._n = [], 0


def _in_order(messages: Stream) -> Stream:
    order = np.lexsort((messages.last, messages.ts_recv))
    return messages if (np.diff(order) > 0).all() else messages.taken(order)
