"""Message templates as a table of steps: what the scanner matches, byte for byte and hole by hole.

Belongs here: the holes a template may have, and its compilation to arrays. Does not: texts (venues), matching (scan).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.raw.decoding import rows as at
from trading_assets.raw.messages import BUY, NO_SIDE, SELL, Int64s
from trading_assets.venues.wire import INT64_MAX, NS_PER_MS, Template

# What a step reads after its literal.
NOTHING, INTEGER, FLAG, NUMBER, LEVELS, DATED_LEVELS, NAMED_LEVELS, CLOCK, UUID = range(9)

# Columns of a step: the literal's span, then what to read, where to, its bounds, and what to multiply it by.
TEXT_START, TEXT_END, OP, TO, LOW, HIGH, TIMES = range(7)


class Hole(NamedTuple):
    """What may stand in a hole. `to` is a column of the row, a place `2 * pair + (PX or SZ)`, or 1 for the ask side."""

    op: int
    to: int
    low: int = 0
    high: int = INT64_MAX
    times: int = 1


def _milliseconds(to: int) -> Hole:
    return Hole(INTEGER, to, low=1, high=INT64_MAX // NS_PER_MS, times=NS_PER_MS)


HOLES: Final = {
    "ns": Hole(INTEGER, at.TS_EVENT, low=1),
    "ms": _milliseconds(at.DROP),
    "ts_event": _milliseconds(at.TS_EVENT),
    "id": Hole(INTEGER, at.DROP),
    "seq": Hole(INTEGER, at.SEQ_FIRST),
    "seq_first": Hole(INTEGER, at.SEQ_FIRST),
    "seq_last": Hole(INTEGER, at.SEQ_LAST),
    "seq_prev": Hole(INTEGER, at.SEQ_PREV),
    "seq_ticker": Hole(INTEGER, at.SEQ_TICKER),
    "depth": Hole(INTEGER, at.DROP, low=2, high=99_999),
    "checksum": Hole(INTEGER, at.CHECKSUM, high=2**32 - 1),
    "sent": Hole(CLOCK, at.DROP),
    "uuid": Hole(UUID, at.DROP),
    "trade_id": Hole(INTEGER, at.SEQ_FIRST),
    "bool": Hole(FLAG, at.DROP),
    "is_sell": Hole(FLAG, at.SIDE),
    "px": Hole(NUMBER, at.PX, low=1),
    "traded_sz": Hole(NUMBER, at.SZ, low=1),
    "bid_px": Hole(NUMBER, at.PX, low=1),
    "bid_sz": Hole(NUMBER, at.SZ),
    "ask_px": Hole(NUMBER, 2 + at.PX, low=1),
    "ask_sz": Hole(NUMBER, 2 + at.SZ),
    "bids": Hole(LEVELS, 0),
    "asks": Hole(LEVELS, 1),
    "dated_bids": Hole(DATED_LEVELS, 0),
    "dated_asks": Hole(DATED_LEVELS, 1),
    "named_levels": Hole(NAMED_LEVELS, 0),
}

_KINDS: Final = {"update": at.UPDATE, "snapshot": at.SNAPSHOT, "trade": at.TRADE, "ticker": at.TICKER}
_SIDES: Final = {None: NO_SIDE, False: BUY, True: SELL}
_HOLE: Final = re.compile(r"<(\w+)>")


class Program(NamedTuple):
    """Compiled templates: template `t` is steps `starts[t]` to `starts[t + 1]`."""

    texts: NDArray[np.uint8]
    steps: Int64s  # [s, 7]
    starts: Int64s  # [t + 1]
    kinds: Int64s  # [t]
    sides: Int64s  # [t] BUY, SELL or NO_SIDE, where the text says it
    max_levels: Int64s  # [t] where the text says it, else 0


def compiled_templates(templates: Sequence[Template]) -> Program:
    """Lay templates out for the scanner."""
    texts = bytearray()
    steps: list[tuple[int, ...]] = []
    starts = [0]
    for template in templates:
        for text, hole in _parts(f"{template.text}\n"):
            steps.append((len(texts), len(texts) + len(text), *hole))
            texts += text
        starts.append(len(steps))
    return Program(
        np.array(texts, np.uint8),
        np.array(steps, np.int64),
        np.array(starts, np.int64),
        np.array([_KINDS[template.kind] for template in templates], np.int64),
        np.array([_SIDES[template.is_sell] for template in templates], np.int64),
        np.array([template.max_levels for template in templates], np.int64),
    )


def _parts(text: str) -> Iterator[tuple[bytes, Hole]]:
    start = 0
    for match in _HOLE.finditer(text):
        yield text[start : match.start()].encode(), HOLES[match[1]]
        start = match.end()
    yield text[start:].encode(), Hole(NOTHING, at.DROP)
