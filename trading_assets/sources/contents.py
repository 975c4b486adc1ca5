"""Whether a joined capture holds the lines of its sources: each as often as the source that has it most, in order.

Belongs here: comparing captures line by line, by digests.
Does not: how they are joined (merger; it finds repeats another way), receive times and intervals (summary).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from trading_assets.settings import CaptureSettings
from trading_assets.sources.lines import UNREADABLE, Int64s
from trading_assets.sources.reader import CaptureReader, Fragment
from trading_assets.sources.summary import piece_times

_LINE: Final = "line"
_MOST: Final = "most"
_FOUND: Final = "found"


def capture_contents(staged: Path, sources: Sequence[Path], settings: CaptureSettings) -> dict[str, int]:
    """Hold a joined capture against the files it was joined from. Memory: about 40 bytes a line of each.

    Args:
        staged: the joined capture.
        sources: what it was joined from.
        settings: the limits they are read with.

    Returns:
        `n_lines_lost`, repeats that a source has and the joined capture lacks; `n_lines_invented`, the reverse;
        `n_lines_misplaced`, falls of the receive time that no source has (joining adds none), or, where there is
        one source, lines that are not where they were.
    """
    found, n_falls = _lines(staged, settings)
    given = [_lines(path, settings) for path in sources]
    most = pl.concat([_counted(lines, _MOST) for lines, _ in given]).group_by(_LINE).agg(pl.col(_MOST).max())
    both = most.join(_counted(found, _FOUND), on=_LINE, how="full", coalesce=True).fill_null(0)
    lacking = both[_MOST].cast(pl.Int64) - both[_FOUND].cast(pl.Int64)
    misplaced = max(0, n_falls - sum(falls for _, falls in given))
    if len(given) == 1 and len(found) == len(given[0][0]):
        misplaced = int((found != given[0][0]).sum())
    return {
        "n_lines_lost": int(lacking.clip(lower_bound=0).sum()),
        "n_lines_invented": int(-lacking.clip(upper_bound=0).sum()),
        "n_lines_misplaced": misplaced,
    }


def _lines(path: Path, settings: CaptureSettings) -> tuple[Int64s, int]:
    """Return a digest of each line, `[n]`, and how often the receive time falls from one line to the next."""
    digests, times = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    long_line = hashlib.blake2b(digest_size=8)
    for piece in CaptureReader(path, max_line_bytes=settings.max_line_bytes).pieces():
        times.append(piece_times(piece))
        if isinstance(piece, Fragment):
            long_line = hashlib.blake2b(digest_size=8) if piece.is_first else long_line
            long_line.update(piece.data.removesuffix(b"\n"))
            if piece.is_last:
                digests.append(np.frombuffer(long_line.digest(), np.int64))
        else:
            # Python's keyed hash of bytes: 64 bits, quick, and the same within a process, which is all that is asked.
            digests.append(np.fromiter(map(hash, piece.removesuffix(b"\n").split(b"\n")), np.int64))
    received = np.concatenate(times)
    received = received[received != UNREADABLE]
    return np.concatenate(digests), int((np.diff(received) < 0).sum())


def _counted(lines: Int64s, name: str) -> pl.DataFrame:
    return pl.DataFrame({_LINE: lines}).group_by(_LINE).agg(pl.len().alias(name))
