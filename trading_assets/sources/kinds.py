"""Where the books of a capture come from: one source of them a partition, or the rebuilt book is of two minds.

Belongs here: naming the sources of books among lines, and saying why two of them do not mix.
Does not: reading captures in (reader), what a book is (raw).

Trades of several files join in one capture. Books do not: a venue's updates and a vendor's snapshots, or top 5 and
top 25 of the same day, would each undo what the other said.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from trading_assets.sources.formats.base import Lack
from trading_assets.sources.lines import line_starts

VENUE: Final = "the venue's own messages"
"""Stands for lines as a venue sent them, whatever they say."""

_TIME_BYTES: Final = 20
_SOURCE: Final = b'{"interchange":"source"'
_OURS: Final = b'{"interchange":'
_BRACKETS: Final = np.frombuffer(b"{[", np.uint8)


def book_sources(chunks: Iterable[bytes]) -> frozenset[str]:
    """Name the sources of books among a capture's lines.

    Args:
        chunks: whole lines, as a reader cuts them.

    Returns:
        The format of each file that had books, and `VENUE` if a line is a message of a venue.
    """
    found: set[str] = set()
    for chunk in chunks:
        found.update(source for source, lacks in _files(chunk) if Lack.BOOKS not in lacks)
        if VENUE not in found and _has_venue_lines(chunk):
            found.add(VENUE)
    return frozenset(found)


def conflict(sources: Iterable[str]) -> str | None:
    """Say why books of these sources cannot be of one partition, or None where there is at most one."""
    names = sorted(set(sources))
    return None if len(names) <= 1 else f"books of two sources do not mix: {' and '.join(names)}"


def _files(chunk: bytes) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the format and the lacks of each file that a line names."""
    at = chunk.find(_SOURCE)
    while at >= 0:
        end = chunk.find(b"\n", at)
        document = json.loads(chunk[at : end if end >= 0 else None])
        yield document["format"], document["lacks"]
        at = chunk.find(_SOURCE, at + 1)


def _has_venue_lines(chunk: bytes) -> bool:
    """Tell whether a line is JSON but not one of ours; a row that could not be read is no JSON."""
    data = np.frombuffer(chunk + bytes(_TIME_BYTES + len(_OURS)), np.uint8)
    begins = line_starts(chunk)[:-1] + _TIME_BYTES
    begins = begins[np.isin(data[begins], _BRACKETS)]
    ours = np.frombuffer(_OURS, np.uint8)
    is_ours = np.ones(len(begins), np.bool_)
    for n in range(len(ours)):
        is_ours &= data[begins + n] == ours[n]
    return bool((~is_ours).any())
