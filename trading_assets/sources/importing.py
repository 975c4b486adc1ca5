"""A file of whatever kind into canonical captures: recordings as they are, other formats as interchange lines.

Belongs here: finding out what a file is, and landing all of it or nothing. Does not: what formats mean (formats),
recordings (landing), publishing (orchestration).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.sections import CaptureSettings
from trading_assets.sources.formats import FORMATS, format_of
from trading_assets.sources.formats.base import Ask, Format, Lack, Reading
from trading_assets.sources.kinds import VENUE, book_sources, conflict
from trading_assets.sources.landing import Landing, check_days, check_partitions, day_of, land_capture, published
from trading_assets.sources.lines import NS_PER_DAY, line_starts, receive_times
from trading_assets.sources.reader import CaptureReader
from trading_assets.sources.writer import CanonicalWriter, clear_leftovers
from trading_assets.venues.interchange import source_line

RECORDING: Final = "recording"
"""What `--format` calls a capture: lines as a venue sent them."""
HEAD_BYTES: Final = 256 * 2**10
"""How much of a file is looked at to recognise it: the header of a table of a thousand levels."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What one file brought; `lacks` and `notes` are empty for a recording."""

    landing: Landing
    source: str
    lacks: Sequence[Lack] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for whatever is imported.

    Attributes:
        settings: limits and the encoding's level.
        start_day: the first day that may be recorded.
        today: the UTC day it is; receive times may be a day ahead of it.
        standing: the captures that a partition's lines would join.
    """

    settings: CaptureSettings
    start_day: date
    today: date
    standing: Callable[[Partition], Sequence[Path]] = field(default=lambda _: ())


def land_file(
    path: Path,
    *,
    landing: Path,
    instrument: Instrument | None,
    said_format: str | None,
    rules: Rules,
    venue: str | None = None,
) -> Brought:
    """Land a file of any kind that is known, as it says itself or as the user says.

    `venue` is the market of a recording's lines, as the user says; files of other formats name their own.

    Raises:
        NotACapture: it is of no such kind, damaged beyond reading, of other days than may be recorded, or its books
            are of another source than those that stand. Nothing landed.
        OSError: the disk is full, or `landing` may not be written. Nothing landed.
    """
    head = _head(path, rules.settings.max_line_bytes)
    found = format_of(path, head) if said_format is None else _named(said_format)
    if found is None:
        landed = land_capture(
            path,
            landing=landing,
            instrument=instrument,
            venue=venue,
            settings=rules.settings,
            start_day=rules.start_day,
            today=rules.today,
        )
        _check_recording(landed, rules)
        return Brought(landed, RECORDING)
    try:
        return _landed(found, path, head, Ask(instrument, rules.settings.max_line_bytes), (landing, rules))
    except NotACapture as error:
        raise NotACapture(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def _landed(found: Format, path: Path, head: bytes, ask: Ask, to: tuple[Path, Rules]) -> Brought:
    landing, rules = to
    reading = found.open(path, head, ask)
    landing.mkdir(parents=True, exist_ok=True)
    clear_leftovers(landing)
    with ExitStack() as undo:
        writers: dict[Partition, CanonicalWriter] = {}
        last: dict[Partition, int] = {}
        for partition, data, times in _placed(reading):
            if partition not in writers:
                check_days([partition.day], rules.start_day, rules.today)
                check_partitions(len(writers) + 1)
                writers[partition] = CanonicalWriter(landing, zstd_level=rules.settings.zstd_level)
                undo.callback(writers[partition].discard)
            writers[partition].write(data, len(times))
            last[partition] = max(last.get(partition, 0), int(times[-1]))
        _say_source(reading, writers, last)
        _check_books(reading, writers, rules)
        n_lines = sum(writer.n_lines for writer in writers.values())
        return Brought(
            Landing(published(writers, landing), n_lines, reading.damage), reading.source, reading.lacks, reading.notes
        )


def _named(said: str) -> Format | None:
    """Return the format of a name, None for a recording."""
    if said != RECORDING and said not in FORMATS:
        raise NotACapture(f"{said!r} is no format: it is one of {', '.join([RECORDING, *FORMATS])}")
    return FORMATS.get(said)


def _placed(reading: Reading) -> Iterator[tuple[Partition, bytes, np.ndarray]]:
    """Cut blocks where the day changes: (partition, lines, receive time of each)."""
    for instrument, lines in reading.blocks():
        starts = line_starts(lines)
        times = receive_times(lines, starts)
        days = times // NS_PER_DAY
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
        for first, end in pairwise(cuts):
            if end > first:
                data = lines[starts[first] : starts[end]]
                yield Partition(day_of(int(days[first])), instrument), data, times[first:end]


def _say_source(reading: Reading, writers: dict[Partition, CanonicalWriter], last: dict[Partition, int]) -> None:
    """End every capture with what the file was; only at its end is known what it lacks."""
    if not writers:
        raise NotACapture("it has no line to import")
    text = source_line(reading.source, [str(lack) for lack in reading.lacks]).encode()
    for partition, writer in writers.items():
        writer.write(b"%d %s\n" % (last[partition], text), 1)


def _check_books(reading: Reading, partitions: Iterable[Partition], rules: Rules) -> None:
    """Refuse books that would join those of another source."""
    if Lack.BOOKS in reading.lacks:
        return
    for partition in partitions:
        _check_standing(partition, reading.source, rules)


def _check_recording(landed: Landing, rules: Rules) -> None:
    """Take a recording's lines back if they would join books of another source."""
    try:
        for capture in landed.captures:
            _check_standing(capture.partition, VENUE, rules)
    except NotACapture:
        for capture in landed.captures:
            if capture.is_new:
                capture.path.unlink(missing_ok=True)
        raise


def _check_standing(partition: Partition, books: str, rules: Rules) -> None:
    standing = {name for path in rules.standing(partition) for name in book_sources(_chunks(path, rules.settings))}
    if why := conflict({books, *standing}):
        if books == VENUE:
            own = "in a project folder of its own: a venue's lines keep their name"
        else:
            own = f"as an instrument of its own, such as -i {partition.instrument}_2"
        raise NotACapture(f"{partition} stands, and {why}: import it {own}")


def _chunks(path: Path, settings: CaptureSettings) -> Iterator[bytes]:
    for piece in CaptureReader(path, max_line_bytes=settings.max_line_bytes).chunks():
        if isinstance(piece, bytes):
            yield piece


def _head(path: Path, max_line_bytes: int) -> bytes:
    return next(CaptureReader(path, max_line_bytes=max_line_bytes, chunk_bytes=HEAD_BYTES).blocks(), b"")[:HEAD_BYTES]
