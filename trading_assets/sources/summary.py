"""What a capture holds, counted anew from its bytes: the measures its gate judges.

Belongs here: lines, bytes, receive times and when the recorder was listening.
Does not: what the messages say (raw), nor whether the numbers are good enough (the gate).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np

from trading_assets.sections import CaptureSettings
from trading_assets.sources.lines import NS_PER_DAY, UNREADABLE, Int64s, line_starts, receive_times
from trading_assets.sources.reader import CaptureReader, Fragment

SILENCE_NS: Final = 60 * 10**9
"""A longer silence ends an interval: the recorder is taken to have been off, not the market quiet."""


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """One capture, counted.

    `intervals` are (first, last) receive times in ns since the epoch, of the running maximum over the lines,
    split where nothing was received for more than `SILENCE_NS`.
    """

    n_lines: int
    n_bytes: int  # uncompressed
    n_unreadable_times: int
    n_outside_day: int  # readable receive times outside the day asked about, 0 if none was
    intervals: tuple[tuple[int, int], ...]
    damage: str | None

    @property
    def first_recv(self) -> int | None:
        """The first receive time, ns since the epoch."""
        return self.intervals[0][0] if self.intervals else None

    @property
    def last_recv(self) -> int | None:
        """The last receive time, ns since the epoch."""
        return self.intervals[-1][1] if self.intervals else None


def capture_summary(path: Path, settings: CaptureSettings, *, day: date | None = None) -> CaptureSummary:
    """Count what the capture at `path` holds, and what of it lies outside `day` (UTC).

    Raises:
        NotACapture: there is no such regular file, or it may not be read.
    """
    reader = CaptureReader(path, max_line_bytes=settings.max_line_bytes)
    intervals = _Intervals()
    n_lines = n_bytes = n_unreadable = n_outside = 0
    for piece in reader.pieces():
        data = piece.data if isinstance(piece, Fragment) else piece
        n_bytes += len(data)
        if isinstance(piece, Fragment) and not piece.is_first:
            continue
        times = piece_times(piece)
        readable = times[times != UNREADABLE]
        n_lines += len(times)
        n_unreadable += len(times) - len(readable)
        n_outside += int((readable // NS_PER_DAY != _day_number(day)).sum()) if day else 0
        intervals.extend(readable)
    return CaptureSummary(n_lines, n_bytes, n_unreadable, n_outside, tuple(intervals.found), reader.damage)


def piece_times(piece: bytes | Fragment) -> Int64s:
    """Return the receive time of each line that begins in this piece, `UNREADABLE` where there is none."""
    if isinstance(piece, bytes):
        return receive_times(piece, line_starts(piece))
    return receive_times(piece.data, np.array([0, len(piece.data)])) if piece.is_first else np.zeros(0, np.int64)


class _Intervals:
    """Intervals of listening, grown chunk by chunk."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []

    def extend(self, times: Int64s) -> None:
        if not len(times):
            return
        first, last = self.found.pop() if self.found else (int(times[0]), int(times[0]))
        rising = np.maximum.accumulate(np.concatenate([[last], times]))
        breaks = np.flatnonzero(np.diff(rising) > SILENCE_NS)
        starts = [first, *rising[breaks + 1].tolist()]
        ends = [*rising[breaks].tolist(), int(rising[-1])]
        self.found += zip(starts, ends, strict=True)


def _day_number(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // 86_400
