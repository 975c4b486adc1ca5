"""A recording of Binance, repeated so often that it fills a day: one unbroken stream, however long.

python benchmarks/looped.py SOURCE.jsonl.gz OUT.jsonl.gz TIMES

Belongs here: moving ids and clocks, and the one update between two turns. Does not: what is measured on the result.

The first turn is the recording from its start. Every later one is the recording from the first update that applies to
its REST snapshot ("How to manage a local order book correctly", Binance's documents), and is led in by one update more
that turns the book of the end into that snapshot. So the result has one snapshot and no break: each update follows on
the one before it, each trade id is the next, no clock runs back. It begins a second after midnight of the source's day.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from isal import igzip

NS_PER_MS: Final = 10**6
NS_PER_S: Final = 10**9
NS_PER_DAY: Final = 86_400 * NS_PER_S
RECV, EVENT, SEQ, TRADE = range(4)
MEANING: Final = {b"E": EVENT, b"T": EVENT, b"t": TRADE} | dict.fromkeys((b"U", b"u", b"pu", b"lastUpdateId"), SEQ)
_HOLE: Final = re.compile(rb'"(E|T|U|u|pu|lastUpdateId|t)":([0-9]+)')
_LEVELS: Final = re.compile(rb'"b":\[.*\]')
_SEQ_KEYS: Final = (b"U", b"u", b"pu")

Shift = tuple[int, int, int, int]
"""What is added to receive times (ns), event times (ms), update ids and trade ids."""


class NotLoopable(Exception):
    """A recording without a snapshot that its updates join, or more turns of it than a day can hold."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with holes for its numbers: `text % numbers`, each number with what it means."""

    text: bytes
    keys: tuple[bytes, ...]
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Line":
        """Cut the numbers out of one line."""
        time, _, rest = raw.partition(b" ")
        holes = _HOLE.findall(rest)
        text = _HOLE.sub(rb'"\1":%d', rest.replace(b"%", b"%%"))
        return cls(b"%d " + text, (b"", *(key for key, _ in holes)), (int(time), *(int(n) for _, n in holes)))

    def get(self, key: bytes) -> int | None:
        """Return the number under a key of the message, `b""` for the receive time."""
        return self.numbers[self.keys.index(key)] if key in self.keys else None

    def moved(self, shift: Shift) -> bytes:
        """Print the line with its numbers moved."""
        moves = [shift[MEANING.get(key, RECV)] for key in self.keys]
        return self.text % tuple(map(int.__add__, self.numbers, moves))


@dataclass(frozen=True, slots=True)
class Turn:
    """A recording taken apart: its lines, those of a later turn, and how far a turn moves each number."""

    first: list[Line]
    later: list[Line]
    step: Shift


def loop_capture(source: Path, out: Path, times: int, *, is_from_snapshot: bool = False) -> None:
    """Write `times` turns of a gzip capture of one Binance instrument to `out`, as gzip; equal calls write equal bytes.

    Memory is that of one turn. Lines other than depth updates, trades, tickers and the snapshot are left out.

    Args:
        source: a capture of spot, USD-M or COIN-M with a REST snapshot that its updates join.
        out: the file to write.
        times: turns, at least one.
        is_from_snapshot: begin with the snapshot and the first update that applies to it. Readers that cannot hold
            updates back until a snapshot arrives (as all peers) then make the same book.

    Raises:
        NotLoopable: there is no such snapshot, or so many turns are longer than a day.
    """
    turn = _taken_apart(source, is_from_snapshot=is_from_snapshot)
    start = turn.first[0].numbers[0]
    back = (start - start // NS_PER_DAY * NS_PER_DAY - NS_PER_S) // NS_PER_MS
    if NS_PER_S + times * turn.step[RECV] + (turn.later[0].numbers[0] - start) > NS_PER_DAY:
        raise NotLoopable(f"{times} turns of {turn.step[RECV] / NS_PER_S:.0f} s are longer than a day")
    with out.open("wb") as file, igzip.IGzipFile("", "wb", 1, file, mtime=0) as packed:
        for n in range(times):
            recv, event, seq, trade = (n * step for step in turn.step)
            shift = (recv - back * NS_PER_MS, event - back, seq, trade)
            packed.write(b"".join(line.moved(shift) for line in (turn.later if n else turn.first)))


def _taken_apart(source: Path, *, is_from_snapshot: bool) -> Turn:
    with gzip.open(source, "rb") as file:
        raw = [line for line in file if _is_told(line)]
    lines = [Line.parse(line) for line in raw]
    at, opening = _join(lines)
    snapshot = json.loads(raw[at].partition(b" ")[2])
    last = [line for line in lines if line.get(b"U") is not None][-1]
    step = _step(lines, opening, last)
    end = _book_at_end(snapshot, chain.from_iterable(_updates(raw, lines, opening)))
    lead = _lead(lines[opening], last, step, _change(end, snapshot))
    seen = lines[opening].get(b"U") or 0
    later = [line for n, line in enumerate(lines[opening:], opening) if n != at and not _is_early_ticker(line, seen)]
    return Turn([_at_once(lines[at], later[0]), *later] if is_from_snapshot else lines, [lead, *later], step)


def _at_once(snapshot: Line, opening: Line) -> Line:
    """Let a snapshot arrive a millisecond before the first update that applies to it."""
    return Line(snapshot.text, snapshot.keys, (opening.numbers[0] - NS_PER_MS, *snapshot.numbers[1:]))


def _is_told(line: bytes) -> bool:
    head = line[:200]
    return any(sign in head for sign in (b'"e":"depthUpdate"', b'"e":"trade"', b'"lastUpdateId":', b'"B":'))


def _join(lines: list[Line]) -> tuple[int, int]:
    """Find the snapshot and the first update that applies to it."""
    at = next((n for n, line in enumerate(lines) if b"lastUpdateId" in line.keys), None)
    if at is None:
        raise NotLoopable("the recording has no REST snapshot")
    seq = lines[at].get(b"lastUpdateId") or 0
    for n, line in enumerate(lines):
        first, last = line.get(b"U"), line.get(b"u")
        if first is not None and last is not None and last >= seq + (b"pu" not in line.keys):
            if first <= seq + (b"pu" not in line.keys):
                return at, n
            break
    raise NotLoopable("no update of the recording joins its REST snapshot")


def _before(update: Line) -> int:
    """Name the id that an update follows on."""
    previous = update.get(b"pu")
    return (update.get(b"U") or 0) - 1 if previous is None else previous


def _step(lines: list[Line], opening: int, last: Line) -> Shift:
    """Move each number just beyond where it ends: the lead of a turn lies between, in ids and in time."""
    ms = (lines[-1].numbers[0] - lines[opening].numbers[0]) // NS_PER_MS + 2
    trades = [line.get(b"t") or 0 for line in lines if b"t" in line.keys]
    skipped = sum(b"t" in line.keys for line in lines[:opening])
    ids = max(last.get(b"u") or 0, *(line.get(b"u") or 0 for line in lines)) + 1 - _before(lines[opening])
    return ms * NS_PER_MS, ms, ids, trades[-1] + 1 - trades[skipped] if skipped < len(trades) else 0


def _updates(raw: list[bytes], lines: list[Line], opening: int) -> Iterator[Iterator[tuple[str, str, str]]]:
    for text, line in zip(raw[opening:], lines[opening:], strict=True):
        if b"U" in line.keys:
            document = json.loads(text.partition(b" ")[2])
            message = document.get("data", document)
            yield ((side, px, sz) for side in "ba" for px, sz in message[side])


def _book_at_end(
    snapshot: dict[str, list[list[str]]], levels: Iterator[tuple[str, str, str]]
) -> dict[str, dict[str, str]]:
    book = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
    for side, px, sz in levels:
        book[side][px] = sz
    return book


def _change(end: dict[str, dict[str, str]], snapshot: dict[str, list[list[str]]]) -> bytes:
    """Print the levels that turn the book of the end into the snapshot."""
    sides = []
    for side, key in (("b", "bids"), ("a", "asks")):
        wanted = dict(snapshot[key])
        gone = {
            px: re.sub("[1-9]", "0", "0." + sz.partition(".")[2]) for px, sz in end[side].items() if px not in wanted
        }
        levels = [[px, sz] for px, sz in (gone | wanted).items()]
        sides.append(f'"{side}":{json.dumps(levels, separators=(",", ":"))}')
    return ",".join(sides).encode()


def _lead(opening: Line, last: Line, step: Shift, change: bytes) -> Line:
    """Make the update that stands before a turn, a millisecond earlier, numbered as if it were part of that turn."""
    before, end = _before(opening), (last.get(b"u") or 0) - step[SEQ]
    ids = dict(zip(_SEQ_KEYS, (end + 1, before, end), strict=True))
    moves = {b"": -NS_PER_MS, b"E": -1, b"T": -1}
    numbers = (ids.get(key, n + moves.get(key, 0)) for key, n in zip(opening.keys, opening.numbers, strict=True))
    return Line(_LEVELS.sub(lambda _: change, opening.text), opening.keys, tuple(numbers))


def _is_early_ticker(line: Line, seen: int) -> bool:
    """Tell a ticker of a book before the turn's first."""
    return b"U" not in line.keys and b"u" in line.keys and (line.get(b"u") or 0) < seen


def main() -> None:
    """Write a looped capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("times", type=int)
    options = parser.parse_args()
    loop_capture(options.source, options.out, options.times)


if __name__ == "__main__":
    main()
