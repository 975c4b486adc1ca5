"""Several captures read side by side, their lines handed over in one order, in bounded memory.

Belongs here: advancing through several sources at once by given keys.
Does not: what the keys are, and which lines are repeats (merger).
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from trading_assets.raw.messages import Bools
from trading_assets.sections import CaptureSettings
from trading_assets.sources.lines import Int64s, line_starts
from trading_assets.sources.reader import CaptureReader, Fragment
from trading_assets.sources.steps import Surveyed
from trading_assets.sources.summary import piece_times

_AT_ONCE: Final = 2**20
"""Marks, a byte a line, or bytes of lines that are held in memory."""


class Marks:
    """Which lines of one capture are marked: a byte a line, in a stretch of a file that several captures share."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self._offset = offset

    def set(self, lines: Int64s) -> None:
        """Mark lines by their numbers."""
        ordered = np.sort(lines)
        while len(ordered):
            first = int(ordered[0])
            some = ordered[: np.searchsorted(ordered, first + _AT_ONCE)]
            marks = self.of(first, int(some[-1]) + 1)
            marks[some - first] = True
            os.pwrite(self._descriptor, marks.tobytes(), self._offset + first)
            ordered = ordered[len(some) :]

    def of(self, first: int, end: int) -> Bools:
        """Return the marks of lines, from a number up to another: `[end - first]`."""
        known = os.pread(self._descriptor, end - first, self._offset + first)
        marks = np.zeros(end - first, np.bool_)
        marks[: len(known)] = np.frombuffer(known, np.bool_)
        return marks


class Cursor:
    """A place in one capture: a block of whole lines, or one overlong line that is not held in memory.

    Its lines are interleaved by the running maximum of their receive times; those at its head without a time take that
    of the first which has one.

    Args:
        capture: the capture, read once.
        repeats: which of its lines are not handed over.
        settings: the limits it is read with.
    """

    def __init__(self, capture: Surveyed, repeats: Marks, settings: CaptureSettings) -> None:
        self._pieces = CaptureReader(capture.path, max_line_bytes=settings.max_line_bytes).pieces()
        self._repeats = repeats
        self._piece: bytes | Fragment = b""
        self._starts = np.zeros(1, np.int64)
        self._keys = np.array([capture.first_time])
        self._kept = np.zeros(0, np.bool_)
        self._first = 0  # line number of the block's first line
        self._at = 0  # lines of the block that were handed over

    def fill(self) -> bool:
        """Read the next block if this one is used up; False at the end of the capture."""
        while self._at == len(self._starts) - 1:
            self._first += self._at
            self._at, self._starts = 0, np.zeros(1, np.int64)
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = piece
            self._starts = line_starts(piece) if isinstance(piece, bytes) else np.array([0, len(piece.data)])
            self._keys = np.maximum(np.maximum.accumulate(piece_times(piece)), self._keys[-1])
            self._kept = ~self._repeats.of(self._first, self._first + len(self._starts) - 1)
        return True

    @property
    def last_key(self) -> int:
        """The key of the block's last line."""
        return int(self._keys[-1])

    def keys_until(self, limit: int, *, inclusive: bool) -> Int64s:
        """Return the keys of the block's waiting lines up to a limit."""
        waiting = self._keys[self._at :]
        return waiting[: np.searchsorted(waiting, limit, "right" if inclusive else "left")]

    def take(self, n_lines: int) -> Iterator[tuple[bytes, int]]:
        """Hand over the next lines as (bytes, lines that begin in them), leaving out those not kept."""
        low = self._at
        self._at += n_lines
        kept = self._kept[low : self._at]
        if isinstance(self._piece, Fragment):
            yield from self._long_line(is_kept=bool(kept[0]))
            return
        if kept.all():  # the common case by far, and where sources alternate line by line the only one
            edges = [[low, low + n_lines]]
        else:
            edges = (np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]))) + low).reshape(-1, 2).tolist()
        for start, end in edges:
            lines = self._piece[self._starts[start] : self._starts[end]]
            yield (lines if lines.endswith(b"\n") else lines + b"\n"), end - start

    def _long_line(self, *, is_kept: bool) -> Iterator[tuple[bytes, int]]:
        part = self._piece
        while isinstance(part, Fragment):
            if is_kept:
                yield part.data, int(part.is_first)
            if part.is_last:
                if is_kept and not part.data.endswith(b"\n"):
                    yield b"\n", 0
                return
            part = next(self._pieces)


def interleaved(ranked: Sequence[Cursor]) -> Iterator[tuple[bytes, int]]:
    """Yield the kept lines of all cursors by (key, rank), as (bytes, lines that begin in them).

    Each round hands over what no later block can precede: up to the least (last key, rank) of the blocks.
    """
    while live := [(rank, cursor) for rank, cursor in enumerate(ranked) if cursor.fill()]:
        limit, limit_rank = min((cursor.last_key, rank) for rank, cursor in live)
        keys = [cursor.keys_until(limit, inclusive=rank <= limit_rank) for rank, cursor in live]
        owner = np.repeat(np.arange(len(live)), [len(each) for each in keys])
        order = owner[np.argsort(np.concatenate(keys), kind="stable")]
        starts = np.flatnonzero(np.diff(order, prepend=-1))
        lengths = np.diff(starts, append=len(order))
        runs = zip(order[starts].tolist(), lengths.tolist(), strict=True)
        yield from _gathered(part for who, n_lines in runs for part in live[who][1].take(n_lines))


def _gathered(parts: Iterable[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """Hand over by the block what may come line by line, where sources alternate."""
    waiting: list[bytes] = []
    size = total = 0
    for data, n_lines in parts:
        waiting.append(data)
        size, total = size + len(data), total + n_lines
        if size >= _AT_ONCE:
            yield b"".join(waiting), total
            waiting, size, total = [], 0, 0
    if waiting:
        yield b"".join(waiting), total
