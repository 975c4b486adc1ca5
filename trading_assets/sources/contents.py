"""Whether a joined capture holds the lines of its sources: each as often as the source that has it most, in order.

Belongs here: comparing captures line by line, by digests.
Does not: how they are joined (merger; it finds repeats another way), receive times and intervals (summary).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from trading_assets.sections import CaptureSettings
from trading_assets.sources.lines import Int64s
from trading_assets.sources.steps import Surveyed, each_line, steps, survey

_BLOCK_BYTES: Final = 2**20


def capture_contents(staged: Path, sources: Sequence[Path], settings: CaptureSettings) -> dict[str, int]:
    """Hold a joined capture against the files it was joined from, in bounded memory (see `steps`).

    Args:
        staged: the joined capture.
        sources: what it was joined from.
        settings: the limits they are read with.

    Returns:
        `n_lines_lost`, repeats that a source has and the joined capture lacks; `n_lines_invented`, the reverse;
        `n_lines_misplaced`, falls of the receive time that no source has (joining adds none), or, where there is
        one source, lines that are not where they were.
    """
    if len(sources) == 1 and _are_same_bytes(staged, sources[0]):
        return {"n_lines_lost": 0, "n_lines_invented": 0, "n_lines_misplaced": 0}
    found, *given = (survey(path, settings) for path in (staged, *sources))
    lost = invented = 0
    for step in steps([found, *given], settings):
        here, *there = (capture.hashes() for capture in step)
        lacking = _lacking(here, there)
        lost += int(lacking.clip(min=0).sum())
        invented -= int(lacking.clip(max=0).sum())
    misplaced = max(0, found.n_falls - sum(each.n_falls for each in given))
    if len(given) == 1 and found.n_lines == given[0].n_lines:
        misplaced = _n_elsewhere(found, given[0], settings)
    return {"n_lines_lost": lost, "n_lines_invented": invented, "n_lines_misplaced": misplaced}


def _lacking(found: Int64s, given: Sequence[Int64s]) -> Int64s:
    """Return, for each different line, how much oftener a source has it than was found."""
    lines = np.unique(np.concatenate([found, *given]))
    most = np.max([_counted(each, lines) for each in given], axis=0) if given else np.zeros(len(lines), np.int64)
    return np.asarray(most - _counted(found, lines), np.int64)


def _counted(lines: Int64s, among: Int64s) -> Int64s:
    return np.bincount(np.searchsorted(among, lines), minlength=len(among)).astype(np.int64)


def _n_elsewhere(some: Surveyed, others: Surveyed, settings: CaptureSettings) -> int:
    """Count the places at which two captures of as many lines have different ones."""
    left, right = each_line(some.path, settings), each_line(others.path, settings)
    ours, theirs = np.zeros(0, np.int64), np.zeros(0, np.int64)
    n = 0
    while True:
        ours = ours if len(ours) else next(left, ours)
        theirs = theirs if len(theirs) else next(right, theirs)
        both = min(len(ours), len(theirs))
        if not both:
            return n
        n += int((ours[:both] != theirs[:both]).sum())
        ours, theirs = ours[both:], theirs[both:]


def _are_same_bytes(some: Path, others: Path) -> bool:
    if some.samefile(others):
        return True
    if some.stat().st_size != others.stat().st_size:
        return False
    return all(ours == theirs for ours, theirs in zip(_blocks(some), _blocks(others), strict=True))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
