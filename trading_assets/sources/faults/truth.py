"""What was done to a recording and what must follow from it: Python records, and the same as one JSON document.

Belongs here: the document, and the one call from a file to a damaged file. Does not: doing any of it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from trading_assets.sources.faults.damage import damage
from trading_assets.sources.faults.expected import Gap, expected_gaps
from trading_assets.sources.faults.files import packed, read_lines, require_apart, write_whole
from trading_assets.sources.faults.records import DeadLetter, Fault
from trading_assets.sources.faults.request import Request
from trading_assets.sources.faults.wire import read

TRUTH_SUFFIX: Final = ".truth.json"
VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All that is known of a damaged recording; md5s and counts are of uncompressed lines."""

    seed: int
    request: Request
    n_lines_in: int
    n_lines_out: int
    md5_in: str
    md5_out: str
    faults: tuple[Fault, ...]
    dead_letters: tuple[DeadLetter, ...]  # made by `corrupt`; lines that were unreadable before are not listed
    gaps: tuple[Gap, ...]  # every row of `feed_gaps`, those that the sound recording leads to as well

    def document(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {"version": VERSION, **asdict(self), "request": self.request.document()}


def damaged(
    lines: Sequence[bytes], request: Request, *, seed: int, yesterday: Sequence[bytes] = ()
) -> tuple[list[bytes], Truth]:
    """Lay faults over a recording; return its lines as they are now, and the truth about them.

    Args:
        lines: one instrument's lines of one UTC day, each with its line feed.
        request: how many of which fault.
        seed: equal arguments give equal lines and an equal truth.
        yesterday: the day before as the rebuild will find it, where the day begins without a snapshot.

    Raises:
        ImpossibleFaults: there are not as many messages that could suffer that.
        NotACapture: no line can be read, or they are of several instruments or days.
    """
    done = damage(lines, request, seed=seed)
    truth = Truth(
        seed=seed,
        request=request,
        n_lines_in=len(lines),
        n_lines_out=len(done.lines),
        md5_in=_md5(lines),
        md5_out=_md5(done.lines),
        faults=done.faults,
        dead_letters=done.dead_letters,
        gaps=tuple(expected_gaps([read(line) for line in done.lines], [read(line) for line in yesterday])),
    )
    return done.lines, truth


def damage_file(
    source: Path, target: Path, request: Request, *, seed: int, truth: Path | None = None, yesterday: Path | None = None
) -> Truth:
    """Damage a capture file: write `target`, packed as its name says, and its truth beside it.

    Args:
        source: a sound capture, plain, gzip or zstd; never written to.
        target: `.gz` and `.zst` are packed, all else is plain; an older file of that name is replaced.
        request: how many of which fault.
        seed: equal arguments give equal bytes.
        truth: where the JSON goes; the target's name and `.truth.json` by default.
        yesterday: the capture of the day before, for a day that begins without a snapshot.

    Raises:
        ImpossibleFaults: too few messages, or a target that is one of the sources.
        NotACapture: a source is no capture, or a damaged one.
    """
    told = truth if truth is not None else target.with_name(target.name + TRUTH_SUFFIX)
    sources = [source] if yesterday is None else [source, yesterday]
    require_apart(sources, [target, told])
    before = [] if yesterday is None else read_lines(yesterday)
    lines, result = damaged(read_lines(source), request, seed=seed, yesterday=before)
    write_whole(told, (json.dumps(result.document(), indent=1) + "\n").encode())
    write_whole(target, packed(lines, target.name))
    return result


def _md5(lines: Sequence[bytes]) -> str:
    return hashlib.md5(b"".join(lines), usedforsecurity=False).hexdigest()
