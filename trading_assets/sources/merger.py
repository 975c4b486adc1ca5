"""The union of captures of one partition, without repeats: a second file for a day adds what the first lacks.

Belongs here: which lines of several captures are the same, and the one order they are kept in.
Does not: cutting files into partitions (landing).

The rule, so that neither the order of the sources nor merging again changes a byte:

- Sources rank by number of lines, most first, then by the md5 of their lines; equal sources count once.
- A line (receive time and bytes) occurs as often as in the source that has it most often: the k-th occurrence
  in a source is a repeat if a source of higher rank has k of them.
- Each source keeps its order. Sources interleave by the running maximum of receive time; ties go by rank.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.errors import CorruptObject
from trading_assets.sections import CaptureSettings
from trading_assets.sources.canonical import is_canonical
from trading_assets.sources.interleave import Cursor, Marks, interleaved
from trading_assets.sources.lines import Int64s
from trading_assets.sources.steps import DIGEST_BYTES, Step, Surveyed, steps, survey
from trading_assets.sources.writer import CanonicalWriter

_ASIDE: Final = ".linked"


def merge_captures(sources: Sequence[Path], out: Path, settings: CaptureSettings) -> None:
    """Write the union of `sources` to `out` in the canonical encoding, aside first and then renamed.

    One source that is canonical already is the union: it is linked, or copied where the store has no links.
    Memory: a few chunks a source, whatever their length, and the lines without a receive time.

    Raises:
        CorruptObject: a source is damaged; a canonical capture never is.
        NotACapture: a source is missing or may not be read.
        OSError: `out` cannot be written; nothing was changed.
    """
    if len(sources) == 1 and is_canonical(sources[0], settings):
        _link(sources[0], out)
        return
    known = {source.md5: source for source in (_sound(path, settings) for path in sources)}
    if len(known) == 1 and (same := next((path for path in sources if is_canonical(path, settings)), None)):
        _link(same, out)
        return
    ranked = sorted(known.values(), key=lambda source: (-source.n_lines, source.md5))
    with TemporaryFile(dir=out.parent) as scratch:
        repeats = _repeats(ranked, settings, scratch.fileno())
        cursors = [Cursor(source, repeats[n], settings) for n, source in enumerate(ranked)]
        writer = CanonicalWriter(out.parent, zstd_level=settings.zstd_level)
        try:
            for data, n_lines in interleaved(cursors):
                writer.write(data, n_lines)
            writer.finish()
            writer.publish_as(out)
        finally:
            writer.discard()


def _link(source: Path, out: Path) -> None:
    aside = out.with_name(out.name + _ASIDE)
    aside.unlink(missing_ok=True)
    try:
        os.link(source, aside)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, aside)
    aside.replace(out)
    aside.unlink(missing_ok=True)  # a rename onto a link to the same file leaves both names


def _sound(path: Path, settings: CaptureSettings) -> Surveyed:
    found = survey(path, settings)
    if found.damage:
        raise CorruptObject(f"{path}: {found.damage}")
    return found


def _repeats(ranked: Sequence[Surveyed], settings: CaptureSettings, scratch: int) -> list[Marks]:
    """Mark in each source the lines that a source of higher rank has."""
    edges = np.cumsum([0, *(source.n_lines for source in ranked)]).tolist()
    marks = [Marks(scratch, edge) for edge in edges[:-1]]
    if len(ranked) > 1:
        for step in steps(ranked, settings):
            for mark, repeated in zip(marks, _repeated(step), strict=True):
                mark.set(repeated)
    return marks


def _repeated(step: Sequence[Step]) -> list[Int64s]:
    """Number in each source the lines of a step that sources of higher rank have as often."""
    times = [source.times() for source in step]
    values, counts = np.unique(np.concatenate([np.unique(each) for each in times]), return_counts=True)
    shared = values[counts > 1]
    seen, most = np.zeros(0, f"S{DIGEST_BYTES}"), np.zeros(0, np.int64)
    result = []
    for source, received in zip(step, times, strict=True):
        is_candidate = np.isin(received, shared)
        if not is_candidate.any():
            result.append(np.zeros(0, np.int64))
            continue
        found, group, n_own = np.unique(source.digests(is_candidate), return_inverse=True, return_counts=True)
        is_repeat = _occurrence(group) < _looked_up(found, seen, most)[group]
        result.append(source.numbers()[is_candidate][is_repeat])
        seen, most = _highest(np.append(seen, found), np.append(most, n_own))
    return result


def _looked_up(keys: NDArray[np.bytes_], seen: NDArray[np.bytes_], most: Int64s) -> Int64s:
    """Return `most` of each key, 0 where it was not seen; `seen` is sorted and without repeats."""
    if not len(seen):
        return np.zeros(len(keys), np.int64)
    at = np.minimum(np.searchsorted(seen, keys), len(seen) - 1)
    return np.where(seen[at] == keys, most[at], 0)


def _occurrence(group: Int64s) -> Int64s:
    """Number the members of each group from 0, in order: `[3, 5, 3]` gives `[0, 0, 1]`."""
    order = np.argsort(group, kind="stable")
    ranks = np.arange(len(group))
    is_first = np.append(True, group[order][1:] != group[order][:-1])
    result = np.empty(len(group), np.int64)
    result[order] = ranks - np.maximum.accumulate(np.where(is_first, ranks, 0))
    return result


def _highest(keys: NDArray[np.bytes_], counts: Int64s) -> tuple[NDArray[np.bytes_], Int64s]:
    """Keep each key once, sorted, with its highest count."""
    found, group = np.unique(keys, return_inverse=True)
    most = np.zeros(len(found), np.int64)
    np.maximum.at(most, group, counts)
    return found, most
