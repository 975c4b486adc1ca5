"""Captures read side by side in steps of receive time: all lines of a stretch of time, of every capture, at once.

Equal lines have equal receive times, so that whoever looks for equal lines needs one step at a time. A line may arrive
late: how late it is at most in a capture is found in a first reading, and a step ends where no capture can have more
lines of it. Memory: a few chunks of each capture, what arrived as late as that, and the lines without a time.

Belongs here: the first reading, and cutting time into steps. Does not: what is compared (merger, contents).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.sections import CaptureSettings
from trading_assets.sources.lines import UNREADABLE, Int64s, line_starts
from trading_assets.sources.reader import CaptureReader, Fragment
from trading_assets.sources.summary import piece_times

DIGEST_BYTES: Final = 16
_END: Final = np.iinfo(np.int64).max
Digests = NDArray[np.bytes_]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a first reading of a capture tells."""

    path: Path
    md5: str  # of the lines, a last line feed added
    n_lines: int
    n_falls: int  # how often the receive time falls from one line to the next that has one
    first_time: int  # the first readable receive time, 0 if there is none
    lateness_ns: int  # the most by which a receive time lies below an earlier one
    damage: str | None


def survey(path: Path, settings: CaptureSettings) -> Surveyed:
    """Read a capture once, in bounded memory.

    Raises:
        NotACapture: there is no such regular file, or it may not be read.
    """
    reader = CaptureReader(path, max_line_bytes=settings.max_line_bytes)
    digest = hashlib.md5(usedforsecurity=False)
    n_lines = n_falls = lateness = 0
    first, last_time, highest = UNREADABLE, UNREADABLE, UNREADABLE
    last = b"\n"
    for piece in reader.pieces():
        data = piece.data if isinstance(piece, Fragment) else piece
        digest.update(data)
        last = data or last
        times = piece_times(piece)
        n_lines += len(times)
        readable = times[times != UNREADABLE]
        if len(readable):
            first = int(readable[0]) if first == UNREADABLE else first
            n_falls += int((np.diff(readable, prepend=last_time) < 0).sum())
            rising = np.maximum(np.maximum.accumulate(readable), highest)
            lateness = max(lateness, int((rising - readable).max()))
            last_time, highest = int(readable[-1]), int(rising[-1])
    digest.update(b"" if last.endswith(b"\n") else b"\n")
    return Surveyed(path, digest.hexdigest(), n_lines, n_falls, max(first, 0), lateness, reader.damage)


@dataclass(slots=True)
class Part:
    """Lines of one chunk, or one overlong line, that wait for their step."""

    numbers: Int64s  # in the capture, of each line
    times: Int64s
    starts: Int64s
    chunk: bytes | None  # None for an overlong line, of which there is only a digest
    digest: bytes
    waiting: Int64s  # which of the lines, rising

    def taken(self, before: int) -> "Part | None":
        """Split off the lines received before a time."""
        is_due = self.times[self.waiting] < before
        due, self.waiting = self.waiting[is_due], self.waiting[~is_due]
        return Part(self.numbers, self.times, self.starts, self.chunk, self.digest, due) if len(due) else None

    def texts(self, lines: Int64s) -> list[bytes]:
        """Return some of its lines, each without its line feed; of an overlong line its digest."""
        if self.chunk is None:
            return [self.digest] * len(lines)
        if len(lines) == len(self.times):
            return self.chunk.removesuffix(b"\n").split(b"\n")
        spans = zip(self.starts[lines].tolist(), self.starts[lines + 1].tolist(), strict=True)
        chunk = self.chunk
        return [chunk[start:end].removesuffix(b"\n") for start, end in spans]


@dataclass(frozen=True, slots=True)
class Step:
    """The lines of one capture that were received within a step."""

    parts: list[Part]

    def times(self) -> Int64s:
        """Return their receive times."""
        return np.concatenate([np.zeros(0, np.int64), *(part.times[part.waiting] for part in self.parts)])

    def numbers(self) -> Int64s:
        """Return their numbers in the capture."""
        return np.concatenate([np.zeros(0, np.int64), *(part.numbers[part.waiting] for part in self.parts)])

    def hashes(self) -> Int64s:
        """Return Python's keyed hash of each: 64 bits, quick, and the same within a process, which is all one asks."""
        found = [np.fromiter(map(hash, part.texts(part.waiting)), np.int64) for part in self.parts]
        return np.concatenate([np.zeros(0, np.int64), *found])

    def digests(self, wanted: NDArray[np.bool_]) -> Digests:
        """Digest those that are wanted, in their order."""
        found: list[bytes] = []
        at = 0
        for part in self.parts:
            chosen = part.waiting[wanted[at : at + len(part.waiting)]]
            at += len(part.waiting)
            found += [blake2b(text, digest_size=DIGEST_BYTES).digest() for text in part.texts(chosen)]
        return np.array(found, f"S{DIGEST_BYTES}")


def steps(captures: Sequence[Surveyed], settings: CaptureSettings) -> Iterator[list[Step]]:
    """Yield, step by step, the lines of each capture; those without a time come last, all in one step."""
    streams = [_Stream(each, settings) for each in captures]
    while behind := [stream for stream in streams if not stream.is_over]:
        min(behind, key=lambda stream: stream.complete_before).advance()
        before = min(stream.complete_before for stream in streams)
        found = [stream.take(before) for stream in streams]
        if any(step.parts for step in found):
            yield found
    yield [Step(stream.untimed) for stream in streams]


class _Stream:
    """One capture that is read as far as its turn has come."""

    def __init__(self, known: Surveyed, settings: CaptureSettings) -> None:
        self._pieces = CaptureReader(known.path, max_line_bytes=settings.max_line_bytes).pieces()
        self._lateness = known.lateness_ns
        self._highest = UNREADABLE
        self._n_lines = 0
        self._waiting: list[Part] = []
        self.untimed: list[Part] = []
        self.is_over = False

    @property
    def complete_before(self) -> int:
        """Up to which receive time, exclusive, no line can still come."""
        return _END if self.is_over else self._highest - self._lateness

    def advance(self) -> None:
        """Read one chunk more, or one overlong line."""
        piece = next(self._pieces, None)
        if piece is None:
            self.is_over = True
            return
        times = piece_times(piece)
        numbers = self._n_lines + np.arange(len(times))
        timed, untimed = np.flatnonzero(times != UNREADABLE), np.flatnonzero(times == UNREADABLE)
        if isinstance(piece, bytes):
            starts = line_starts(piece)
            part = Part(numbers, times, starts, piece, b"", timed)
        else:
            part = Part(numbers, times, np.zeros(0, np.int64), None, self._digest_of(piece), timed)
        self._n_lines += len(times)
        self._highest = max(self._highest, int(times.max(initial=UNREADABLE)))
        self._waiting.append(part)
        if len(untimed):
            self.untimed.append(_copied(part, untimed))

    def _digest_of(self, piece: Fragment) -> bytes:
        digest = blake2b(piece.data.removesuffix(b"\n"), digest_size=DIGEST_BYTES)
        while not piece.is_last:
            following = next(self._pieces)
            assert isinstance(following, Fragment)  # noqa: S101 - the parts of one line follow one another
            piece = following
            digest.update(piece.data.removesuffix(b"\n"))
        return digest.digest()

    def newest(self) -> Step:
        """Hand over all lines of the last chunk, and forget what waits."""
        (part,) = self._waiting
        self._waiting, self.untimed = [], []
        return Step([replace(part, waiting=np.arange(len(part.times)))])

    def take(self, before: int) -> Step:
        """Hand over the lines received before a time."""
        due = [part for each in self._waiting if (part := each.taken(before))]
        self._waiting = [each for each in self._waiting if len(each.waiting)]
        return Step(due)


def _copied(part: Part, lines: Int64s) -> Part:
    """Copy lines out of their chunk, so that it need not wait for as long as they do."""
    texts = [text + b"\n" for text in part.texts(lines)]
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    chunk = None if part.chunk is None else b"".join(texts)
    everything = np.arange(len(lines))
    return Part(part.numbers[lines], part.times[lines], starts, chunk, part.digest, everything)


def each_line(path: Path, settings: CaptureSettings) -> Iterator[Int64s]:
    """Yield a hash of every line of a capture in its order, a chunk at a time."""
    known = Surveyed(path, "", 0, 0, 0, 0, None)
    stream = _Stream(known, settings)
    while True:
        stream.advance()
        if stream.is_over:
            return
        yield stream.newest().hashes()
