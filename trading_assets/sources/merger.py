"""The union of captures of one partition, without repeats: a second file for a day adds what the first lacks.

Belongs here: which lines of several captures are the same, and the one order they are kept in.
Does not: cutting files into partitions (landing).

The rule, so that neither the order of the sources nor merging again changes a byte:

- Sources rank by number of lines, most first, then by the md5 of their lines; equal sources count once.
- A line (receive time and bytes) occurs as often as in the source that has it most often: the k-th occurrence
  in a source is a repeat if a source of higher rank has k of them.
- Each source keeps its order. Sources interleave by the running maximum of receive time; ties go by rank.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.errors import CorruptObject
from trading_assets.raw.messages import Bools
from trading_assets.settings import CaptureSettings
from trading_assets.sources.interleave import Cursor, interleaved
from trading_assets.sources.lines import UNREADABLE, Int64s, line_starts
from trading_assets.sources.reader import CaptureReader, Fragment
from trading_assets.sources.summary import CaptureSummary, capture_summary, piece_times
from trading_assets.sources.writer import CanonicalWriter

_DIGEST_BYTES: Final = 16


def merge_captures(sources: Sequence[Path], out: Path, settings: CaptureSettings) -> CaptureSummary:
    """Write the union of `sources` to `out` in the canonical encoding, aside first and then renamed.

    Memory: one chunk a source, 8 bytes a line, and 16 more for lines whose receive time two sources share.

    Raises:
        CorruptObject: a source is damaged; a canonical capture never is.
        NotACapture: a source is missing or may not be read.
        OSError: `out` cannot be written; nothing was changed.
    """
    known = {source.md5: source for source in (_survey(path, settings) for path in sources)}
    ranked = sorted(known.values(), key=lambda source: (-len(source.times), source.md5))
    cursors = [
        Cursor(source.path, keys=_keys(source.times), kept=kept, max_line_bytes=settings.max_line_bytes)
        for source, kept in zip(ranked, _kept(ranked, settings), strict=True)
    ]
    writer = CanonicalWriter(out.parent, zstd_level=settings.zstd_level)
    try:
        for data, n_lines in interleaved(cursors):
            writer.write(data, n_lines)
        writer.finish()
        writer.publish_as(out)
    finally:
        writer.discard()
    return capture_summary(out, settings)


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    md5: str  # of the lines, a last line feed added
    times: Int64s  # [n] as received, or UNREADABLE


def _survey(path: Path, settings: CaptureSettings) -> _Source:
    reader = CaptureReader(path, max_line_bytes=settings.max_line_bytes)
    digest = hashlib.md5(usedforsecurity=False)
    times = [np.zeros(0, np.int64)]
    last = b"\n"
    for piece in reader.pieces():
        data = piece.data if isinstance(piece, Fragment) else piece
        digest.update(data)
        times.append(piece_times(piece))
        last = data or last
    if reader.damage:
        raise CorruptObject(f"{path}: {reader.damage}")
    digest.update(b"" if last.endswith(b"\n") else b"\n")
    return _Source(path, digest.hexdigest(), np.concatenate(times))


def _keys(times: Int64s) -> Int64s:
    """Return the running maximum; lines without a time at the head take that of the first which has one."""
    rising = np.maximum.accumulate(times) if len(times) else times
    readable = rising[rising != UNREADABLE]
    return np.where(rising == UNREADABLE, readable[0] if len(readable) else 0, rising)


def _kept(ranked: Sequence[_Source], settings: CaptureSettings) -> list[Bools]:
    """Mark in each source the lines that no source of higher rank has: `[n]` each."""
    distinct = [np.unique(source.times) for source in ranked]
    values, counts = np.unique(np.concatenate([*distinct, np.zeros(0, np.int64)]), return_counts=True)
    shared = values[counts > 1]
    seen, most = np.zeros(0, f"S{_DIGEST_BYTES}"), np.zeros(0, np.int64)
    result = []
    for source in ranked:
        kept = np.ones(len(source.times), np.bool_)
        candidates = np.flatnonzero(np.isin(source.times, shared))
        if len(candidates):
            digests = _digests(source, candidates, settings)
            found, group, n_own = np.unique(digests, return_inverse=True, return_counts=True)
            n_higher = _looked_up(found, seen, most)
            kept[candidates] = _occurrence(group) >= n_higher[group]
            seen, most = _highest(np.append(seen, found), np.append(most, n_own))
        result.append(kept)
    return result


def _digests(source: _Source, wanted: Int64s, settings: CaptureSettings) -> NDArray[np.bytes_]:
    """Digest the wanted lines (rising line numbers), each without its line feed: `[len(wanted)]`."""
    parts = []
    n_lines = 0
    long_line = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for piece in CaptureReader(source.path, max_line_bytes=settings.max_line_bytes).pieces():
        if isinstance(piece, bytes):
            starts = line_starts(piece)
            low, high = np.searchsorted(wanted, [n_lines, n_lines + len(starts) - 1])
            parts.append(_line_digests(piece, starts, wanted[low:high] - n_lines))
            n_lines += len(starts) - 1
            continue
        long_line = hashlib.blake2b(digest_size=_DIGEST_BYTES) if piece.is_first else long_line
        long_line.update(piece.data.removesuffix(b"\n"))
        if piece.is_last:
            is_wanted = bool(np.isin(n_lines, wanted))
            parts.append(np.array([long_line.digest()] * is_wanted, f"S{_DIGEST_BYTES}"))
            n_lines += 1
    return np.concatenate(parts)


def _line_digests(chunk: bytes, starts: Int64s, lines: Int64s) -> NDArray[np.bytes_]:
    spans = zip(starts[lines].tolist(), starts[lines + 1].tolist(), strict=True)
    digests = [
        hashlib.blake2b(chunk[start:end].removesuffix(b"\n"), digest_size=_DIGEST_BYTES).digest()
        for start, end in spans
    ]
    return np.array(digests, f"S{_DIGEST_BYTES}")


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
