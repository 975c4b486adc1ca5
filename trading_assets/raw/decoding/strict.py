"""The reference decoder: one capture line to one record, in plain Python, with nothing taken on trust.

Belongs here: the capture line and exact JSON. Does not: a venue's fields (venues), columns (rows), speed (fast).
"""

import json
import re
from collections.abc import Sequence
from typing import Final, NoReturn

import numpy as np

from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES
from trading_assets.venues import interchange, venue_of
from trading_assets.venues.wire import INT64_MAX, JsonInteger, JsonReal, Reason, Record, refuse

MAX_DEPTH: Final = 32
"""Levels of nesting that are still read; a venue's message has six at most."""
_LINE: Final = re.compile(rb"([0-9]{1,19}) (.*)", re.DOTALL)
_NOT_A_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def read_line(line: bytes, *, instrument: Instrument) -> tuple[int, Sequence[Record]]:
    """Read one line of a capture, without its line feed: the receive time in ns, and what it says.

    Raises:
        Malformed: the line is a dead letter, and why.
    """
    if len(line) > MAX_LINE_BYTES:
        refuse(Reason.OVERLONG)
    if not line:
        refuse(Reason.EMPTY)
    match = _LINE.fullmatch(line)
    if match is None:
        refuse(Reason.NO_RECEIVE_TIME)
    ts_recv = int(match[1])
    if not 0 < ts_recv <= INT64_MAX:
        refuse(Reason.RECEIVE_TIME)
    document = parse_json(match[2])
    if isinstance(document, dict) and interchange.KIND in document:
        return ts_recv, (interchange.read(document),)
    said = venue_of(instrument).read(document, instrument=instrument)
    return ts_recv, said if isinstance(said, Sequence) else (said,)


def parse_json(raw: bytes) -> object:
    """Parse JSON with numbers left as text; what Python's parser lets through beyond the standard is refused.

    Raises:
        Malformed: not UTF-8, not JSON, nested deeper than `MAX_DEPTH`, or a key twice in one object.
    """
    if _is_too_deep(raw):
        refuse(Reason.TOO_DEEP)
    try:
        return _JSON.decode(raw.decode())
    except UnicodeDecodeError:
        refuse(Reason.NOT_UTF8)
    except json.JSONDecodeError:
        refuse(Reason.NOT_JSON)


def _is_too_deep(raw: bytes) -> bool:
    """Measure the nesting outside strings: a limit that, unlike recursion's, does not hang on the caller's stack."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    brackets = np.frombuffer(_STRING.sub(b"", raw).translate(None, _NOT_A_BRACKET), np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return int(np.cumsum(steps).max(initial=0)) > MAX_DEPTH


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else refuse(Reason.DUPLICATE_KEY)


def _no_constant(_: str) -> NoReturn:
    refuse(Reason.NOT_JSON)


_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=JsonInteger, parse_float=JsonReal, parse_constant=_no_constant
)
