"""Joining and comparing captures by the rules as they are written, line by line: what the fast ways must equal."""

import hashlib
from collections import Counter
from itertools import pairwise

from trading_assets.sources.lines import UNREADABLE

_DIGITS = 19


def time_of(line: bytes) -> int:
    head = line[:_DIGITS]
    has_time = len(line) > _DIGITS and head.isdigit() and line[_DIGITS : _DIGITS + 1] == b" "
    return int(head) if has_time and int(head) < 2**63 else UNREADABLE


def union(sources: list[list[bytes]]) -> list[bytes]:
    """Leave out what a source of higher rank has as often; order the rest by key, rank and place."""
    distinct = {hashlib.md5(b"".join(lines)).hexdigest(): lines for lines in sources}  # noqa: S324 - a name
    ranked = [lines for _, lines in sorted(distinct.items(), key=lambda each: (-len(each[1]), each[0]))]
    seen: Counter[bytes] = Counter()
    placed = []
    for rank, lines in enumerate(ranked):
        own: Counter[bytes] = Counter()
        for place, (line, key) in enumerate(zip(lines, keys(lines), strict=True)):
            own[line] += 1
            if own[line] > seen[line]:
                placed.append((key, rank, place, line))
        seen |= own
    return [line for *_, line in sorted(placed)]


def keys(lines: list[bytes]) -> list[int]:
    times = [time_of(line) for line in lines]
    highest = next((time for time in times if time != UNREADABLE), 0)
    found = []
    for time in times:
        highest = max(highest, time)
        found.append(highest)
    return found


def contents(found: list[bytes], sources: list[list[bytes]]) -> dict[str, int]:
    most: Counter[bytes] = Counter()
    for lines in sources:
        most |= Counter(lines)
    misplaced = max(0, n_falls(found) - sum(map(n_falls, sources)))
    if len(sources) == 1 and len(found) == len(sources[0]):
        misplaced = sum(ours != theirs for ours, theirs in zip(found, sources[0], strict=True))
    return {
        "n_lines_lost": (most - Counter(found)).total(),
        "n_lines_invented": (Counter(found) - most).total(),
        "n_lines_misplaced": misplaced,
    }


def n_falls(lines: list[bytes]) -> int:
    times = [time for time in map(time_of, lines) if time != UNREADABLE]
    return sum(later < earlier for earlier, later in pairwise(times))
