"""What a fault does to the bytes of one line.

Belongs here: editing a line in place, so that all that is not harmed stays byte for byte.
Does not: which line (choice), nor when it arrives (damage).
"""

import json
import random
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from trading_assets.sources.faults.wire import HEAD_BYTES

_CLOCKS: Final = re.compile(rb'"([ET])":([0-9]{13})(?![0-9])')
_DECIMAL: Final = re.compile(rb'"[0-9]+\.[0-9]+"')
_LEVELS: Final = {"bid": b'"b":[', "ask": b'"a":['}


class Corrupted(NamedTuple):
    """A line that cannot be read any more, and the reason that its dead letter must give."""

    line: bytes
    reason: str


def with_time(line: bytes, ts_recv: int) -> bytes:
    """Return the line as received at another time."""
    return b"%019d" % ts_recv + line[HEAD_BYTES - 1 :]


def with_event_shifted(line: bytes, shift_ms: int) -> bytes:
    """Return the line with the venue's clock moved, in both fields that tell it."""
    return _CLOCKS.sub(lambda clock: b'"%s":%d' % (clock[1], int(clock[2]) + shift_ms), line)


def can_take_rung(line: bytes) -> bool:
    """Say whether the levels of both sides stand where `with_rung` looks for them."""
    return all(line.count(mark) == 1 for mark in _LEVELS.values())


def with_rung(line: bytes, side: str, rung: tuple[str, str]) -> bytes:
    """Return the update with one more level at the head of a side."""
    head, mark, tail = line.partition(_LEVELS[side])
    comma = "" if tail.startswith(b"]") else ","
    return head + mark + f'["{rung[0]}","{rung[1]}"]{comma}'.encode() + tail


def rungs_of(line: bytes, side: str) -> list[tuple[str, str]]:
    """Return the levels of a side that are not removals, as they are spelled."""
    document = json.loads(line[HEAD_BYTES:])
    message = document.get("data", document)
    levels = message["bids" if side == "bid" else "asks"] if "bids" in message else message[side[0]]
    return [(px, sz) for px, sz in levels if float(sz)]


def nothing(size: str) -> str:
    """Return a size of zero with as many decimals."""
    _, point, fraction = size.partition(".")
    return "0" + point + "0" * len(fraction)


def corrupted(line: bytes, rng: random.Random) -> Corrupted:
    """Damage the bytes of a line beyond reading, in one of four ways; its line feed stays."""
    ways: list[Callable[[bytes, random.Random], Corrupted]] = [_cut_off, _not_text, _without_time]
    if _DECIMAL.search(line):
        ways.append(_not_a_number)
    return rng.choice(ways)(line, rng)


def _cut_off(line: bytes, rng: random.Random) -> Corrupted:
    text = line.removesuffix(b"\n").rstrip(b"} \r\t")  # so that a brace is missing, wherever the cut falls
    return Corrupted(text[: rng.randint(HEAD_BYTES + 1, len(text))] + b"\n", "not JSON")


def _not_text(line: bytes, rng: random.Random) -> Corrupted:
    at = rng.randrange(HEAD_BYTES, len(line) - 1)
    return Corrupted(line[:at] + b"\xff" + line[at + 1 :], "not UTF-8")


def _without_time(line: bytes, _: random.Random) -> Corrupted:
    return Corrupted(b"x" + line[1:], "no receive time")


def _not_a_number(line: bytes, _: random.Random) -> Corrupted:
    return Corrupted(_DECIMAL.sub(b'"NaN"', line, count=1), "not a decimal number")
