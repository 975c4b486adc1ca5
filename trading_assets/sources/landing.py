"""One file into canonical captures, one a UTC day and instrument, named by their content.

Belongs here: which partition each line goes to, and landing all of a file or nothing of it.
Does not: whose lines they are (origins), nor joining what several files landed (merger).

Lines go byte for byte; only a missing last line feed is added, and where a connection numbers its lines the marks that
keep what this tells (connections). A line that does not say when it was received, or whose
it is, goes with the line before it (at the head of a file: with the first that does), so that nothing is lost.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.sections import CaptureSettings
from trading_assets.sources.connections import Connection
from trading_assets.sources.lines import NS_PER_DAY, UNREADABLE, Int64s, filled_forward, line_starts, receive_times
from trading_assets.sources.origins import first_of, instruments_of
from trading_assets.sources.reader import CaptureReader, Fragment
from trading_assets.sources.summary import piece_times
from trading_assets.sources.survey import Survey, name_of, names_of
from trading_assets.sources.writer import CanonicalWriter, clear_leftovers
from trading_assets.venues import venue_of

MAX_PARTITIONS: Final = 256
"""How many partitions one file may land in: each keeps an encoder of some MiB while the file is read."""
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class LandedCapture:
    """What one file holds of one partition."""

    partition: Partition
    path: Path  # landing/<day>/<instrument>/<md5 of the lines>.jsonl.zst
    n_lines: int
    n_bytes: int  # uncompressed
    is_new: bool  # the same lines had not landed before


@dataclass(frozen=True, slots=True)
class Landing:
    """What became of one file; `damage` says why it may hold more than could be read."""

    captures: tuple[LandedCapture, ...]
    n_lines: int
    damage: str | None


def land_capture(  # noqa: PLR0913 - what it is of, where it goes and its limits are facts of their own
    path: Path,
    *,
    landing: Path,
    instrument: Instrument | None,
    settings: CaptureSettings,
    start_day: date,
    today: date,
    venue: str | None = None,
) -> Landing:
    """Split a recording by UTC day of receive time and by instrument into `landing`.

    Args:
        path: lines `<receive ns> <venue JSON>`; plain, gzip or zstd.
        landing: the folder of all landed captures; made if missing.
        instrument: whose lines they are, if the user says so; else what the lines say.
        settings: limits and the encoding's level.
        start_day: the first day that may be recorded.
        today: the UTC day it is; receive times may be a day ahead of it.
        venue: of which market they are, if the user says so; else what the lines say.

    Raises:
        NotACapture: it is not a recording of a supported venue, or it cannot be told whose lines it holds, or
            when they were received. Nothing landed.
        OSError: the disk is full, or `landing` may not be written. Nothing landed.
    """
    survey = _surveyed(path, settings)
    try:
        instruments = instruments_of(survey, said=instrument, venue=venue)
        check_days([day_of(number) for number in survey.days], start_day, today)
        check_partitions(len(survey.days) * len(instruments))
    except NotACapture as error:
        raise NotACapture(f"{path}: {error}") from None
    landing.mkdir(parents=True, exist_ok=True)
    clear_leftovers(landing)
    connection = Connection(None if survey.is_split else venue_of(instruments[0]).connection_number)
    placer = _Placer(instruments, connection, first=first_of(survey, instruments), first_day=next(iter(survey.days)))
    reader = CaptureReader(path, max_line_bytes=settings.max_line_bytes)
    with ExitStack() as undo:
        writers: dict[Partition, CanonicalWriter] = {}
        for partition, data, n_lines in placer.placed(reader):
            if partition not in writers:
                writers[partition] = CanonicalWriter(landing, zstd_level=settings.zstd_level)
                undo.callback(writers[partition].discard)
            writers[partition].write(data, n_lines)
        if sum(writer.n_lines for writer in writers.values()) != survey.n_lines + connection.n_marks:
            raise NotACapture(f"{path}: the file changed while it was read")
        return Landing(published(writers, landing), survey.n_lines, reader.damage)


def _surveyed(path: Path, settings: CaptureSettings) -> Survey:
    reader = CaptureReader(path, max_line_bytes=settings.max_line_bytes)
    survey = Survey()
    for piece in reader.pieces():
        try:
            _count(survey, piece)
        except NotACapture as error:
            raise NotACapture(f"{path}: {error}") from None
    survey.damage = reader.damage
    return survey


def _count(survey: Survey, piece: bytes | Fragment) -> None:
    times = piece_times(piece)
    readable = times[times != UNREADABLE]
    survey.n_lines += len(times)
    survey.n_times += len(readable)
    survey.add_days(readable // NS_PER_DAY)
    if isinstance(piece, bytes):
        names = names_of(piece, line_starts(piece))[1]
        survey.add_names(names)
        survey.add_books(piece, names)
    elif piece.is_first:
        survey.add_names([name_of(piece.data)])


def check_days(days: Collection[date], start_day: date, today: date) -> None:
    """Refuse a file of which lines were received before the first day that may be recorded, or in the future.

    Raises:
        NotACapture: of such days, or of none.
    """
    if not days:
        raise NotACapture("no line has a receive time")
    if min(days) < start_day:
        raise NotACapture(
            f"it was recorded on {min(days)}, before partitions.start_day = {start_day}: set an earlier start_day"
        )
    if max(days) > today + timedelta(days=1):
        raise NotACapture(
            f"it has receive times of {max(days)}, in the future: today is {today} "
            f"(and partitions.start_day is {start_day})"
        )


def check_partitions(n: int) -> None:
    """Refuse a file of more partitions than there can be encoders at once.

    Raises:
        NotACapture: of more than `MAX_PARTITIONS`.
    """
    if n > MAX_PARTITIONS:
        raise NotACapture(f"it holds {n} days and instruments, more than {MAX_PARTITIONS}: split it")


class _Placer:
    """Says of every piece which partition its lines go to, carrying on from the line before."""

    def __init__(
        self, instruments: tuple[Instrument, ...], connection: Connection, *, first: int, first_day: int
    ) -> None:
        self._instruments = instruments
        self._connection = connection
        self._at = {instrument.symbol: n for n, instrument in enumerate(instruments)}
        self._instrument = first
        self._day = first_day

    def placed(self, reader: CaptureReader) -> Iterator[tuple[Partition, bytes, int]]:
        """Yield (partition, bytes, lines that begin in them), all of the file's bytes in order, and marks."""
        for piece in reader.pieces():
            if isinstance(piece, bytes):
                yield from self._lines(piece)
                continue
            if piece.is_first:
                self._carry(piece_times(piece), np.array([self._at.get(name_of(piece.data).symbol or "", UNREADABLE)]))
                self._connection.begun(piece.data, np.array([0, len(piece.data)]))
                yield from self._connection.marks(0, self._here, piece_times(piece))
            yield self._here, piece.data, int(piece.is_first)
        yield from self._connection.ended()

    @property
    def _here(self) -> Partition:
        return self._partition(self._day, self._instrument)

    def _lines(self, chunk: bytes) -> Iterator[tuple[Partition, bytes, int]]:
        starts = line_starts(chunk)
        times = receive_times(chunk, starts)
        days, owners = self._carry(times, self._named(chunk, starts))
        cuts = np.flatnonzero((np.diff(days) != 0) | (np.diff(owners) != 0)) + 1
        edges = np.unique([0, *cuts, *self._connection.begun(chunk, starts), len(days)])
        for first, end in pairwise(edges.tolist()):
            partition = self._partition(int(days[first]), int(owners[first]))
            yield from self._connection.marks(first, partition, times[first:end])
            yield partition, chunk[starts[first] : starts[end]], end - first

    def _named(self, chunk: bytes, starts: Int64s) -> Int64s:
        """Return which instrument each line names, by its place in the list, or `UNREADABLE`."""
        if len(self._instruments) == 1:
            return np.zeros(len(starts) - 1, np.int64)
        named = np.full(len(starts) - 1, UNREADABLE, np.int64)
        lines, names = names_of(chunk, starts)
        named[lines] = [self._at.get(name.symbol or "", UNREADABLE) for name in names]
        return named

    def _carry(self, times: Int64s, named: Int64s) -> tuple[Int64s, Int64s]:
        days = filled_forward(np.where(times == UNREADABLE, UNREADABLE, times // NS_PER_DAY), self._day)
        owners = filled_forward(named, self._instrument)
        self._day, self._instrument = int(days[-1]), int(owners[-1])
        return days, owners

    def _partition(self, day: int, owner: int) -> Partition:
        return Partition(day_of(day), self._instruments[owner])


def published(writers: Mapping[Partition, CanonicalWriter], landing: Path) -> tuple[LandedCapture, ...]:
    """Complete every capture and make room for it before the first is renamed into place: all of a file, or nothing.

    Raises:
        OSError: the disk is full, or `landing` may not be written.
    """
    landed = []
    for partition, writer in sorted(writers.items()):
        writer.finish()
        folder = landing / partition.day.isoformat() / str(partition.instrument)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{writer.md5}.jsonl.zst"
        landed.append(LandedCapture(partition, path, writer.n_lines, writer.n_bytes, is_new=not path.exists()))
    for capture in landed:
        writers[capture.partition].publish_as(capture.path)
    return tuple(landed)


def day_of(number: int) -> date:
    """Return the UTC day of that number since the epoch."""
    return _EPOCH + timedelta(days=number)
