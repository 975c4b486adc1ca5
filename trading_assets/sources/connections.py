"""What a connection's own numbering tells of loss, kept for each instrument that its lines are split by.

Belongs here: where unbroken runs of numbers begin and end, and the marks that say so in each capture.
Does not: how a line says its number (venues), nor what follows from a mark (raw).

Some venues number the messages of a connection, whatever instrument they are of. A line that is missing is then seen
only while all lines are together. So each capture is given marks: `resumed` at the first number of a run before the
first of its own lines in that run, `paused` at the last number of a run after the last of them. A run goes on with the
next number, and with the same one again, for a repeated line loses nothing. Anything else ends it: a higher number,
for lines were lost; a lower one, for it is another connection or lines out of order, whose book nobody knows.

A mark has the receive time of the line beside it in its own capture, so that it stays beside it in the same day.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from trading_assets.identifiers import Instrument, Partition
from trading_assets.sources.lines import UNREADABLE, Int64s
from trading_assets.venues.interchange import mark_line
from trading_assets.venues.wire import Mark

HEAD_BYTES: Final = 400
"""Where a line says its number."""

Placed = tuple[Partition, bytes, int]
"""Where to, what, and how many lines it is."""


class _Break(NamedTuple):
    begins_at: int
    ended_at: int | None


class _Due(NamedTuple):
    """Where the last line of an instrument went, and the number that its next line resumes at."""

    last: tuple[Partition, int] | None
    resumes_at: int | None


class Connection:
    """Follows the numbers of a file's lines in their order, and makes the marks of each instrument.

    Args:
        number_of: reads the number of a line, None where it has none; or None, where lines are not numbered so.
    """

    def __init__(self, number_of: Callable[[bytes], int | None] | None) -> None:
        self.n_marks = 0
        self._number_of = number_of
        self._last: int | None = None
        self._breaks: dict[int, _Break] = {}
        self._due: dict[Instrument, _Due] = {}
        self._first: int | None = None

    def begun(self, chunk: bytes, starts: Int64s) -> list[int]:
        """Return the lines of the next chunk that a run begins with."""
        self._breaks = {}
        if self._number_of is None:
            return []
        for line, (start, end) in enumerate(pairwise(starts.tolist())):
            number = self._number_of(chunk[start : min(start + HEAD_BYTES, end)])
            if number is None:
                continue
            if self._last is None or number not in {self._last, self._last + 1}:
                self._breaks[line] = _Break(number, self._last)
            self._last = number
        return list(self._breaks)

    def marks(self, line: int, partition: Partition, times: Int64s) -> Iterator[Placed]:
        """Yield what is to be written before lines of one instrument.

        Args:
            line: the first of them, in the chunk that `begun` saw.
            partition: where they go.
            times: when they were received, `UNREADABLE` where they do not say.
        """
        if self._number_of is None:
            return
        if line in self._breaks:
            yield from self._broken(self._breaks[line])
        readable = times[times != UNREADABLE]
        due = self._due.get(partition.instrument, _Due(None, self._first))
        if not len(readable):
            return
        if due.resumes_at is not None:
            yield self._placed(partition, int(readable[0]), Mark(due.resumes_at, None))
        self._due[partition.instrument] = _Due((partition, int(readable[-1])), None)

    def ended(self) -> Iterator[Placed]:
        """Yield what is to be written at the end of the file."""
        if self._last is not None:
            yield from self._paused(self._last)

    def _broken(self, at: _Break) -> Iterator[Placed]:
        if at.ended_at is not None:
            yield from self._paused(at.ended_at)
        self._first = at.begins_at
        self._due = {instrument: due._replace(resumes_at=at.begins_at) for instrument, due in self._due.items()}

    def _paused(self, number: int) -> Iterator[Placed]:
        """Yield the end of a run to each instrument that had a line in it."""
        for due in self._due.values():
            if due.last is not None and due.resumes_at is None:
                yield self._placed(*due.last, Mark(None, number))

    def _placed(self, partition: Partition, ts_recv: int, mark: Mark) -> Placed:
        self.n_marks += 1
        return partition, b"%d %s\n" % (ts_recv, mark_line(mark).encode()), 1
