"""A book as a careful Python user writes it: orjson and two sorted dictionaries.

Belongs here: orjson with sortedcontainers. Does not: decoding into columns (json_decoders).
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import orjson
from sortedcontainers import SortedDict

from benchmarks.contenders.json_decoders import BODY, inflated
from benchmarks.contenders.top import DEPTH, compared, compared_at_end

Message = tuple[list[tuple[float, float]], list[tuple[float, float]], bool]


def messages(path: str) -> Iterator[Message]:
    """Yield the levels of each depth message, and whether it is a snapshot."""
    for line in inflated(path).splitlines():
        if b"@depth" in line[:72] or b"lastUpdateId" in line[:72]:
            document = orjson.loads(line[BODY:])
            message = document.get("data", document)
            is_whole = "bids" in message
            sides = (message["bids"], message["asks"]) if is_whole else (message["b"], message["a"])
            bids, asks = ([(float(px), float(sz)) for px, sz in side] for side in sides)
            yield bids, asks, is_whole


def apply(book: tuple[SortedDict, SortedDict], message: Message) -> None:
    """Apply one message; bids are kept under their negative price, so that the best comes first."""
    bids, asks, is_whole = message
    if is_whole:
        book[0].clear()
        book[1].clear()
    for side, sign, levels in ((book[0], -1.0, bids), (book[1], 1.0, asks)):
        for px, sz in levels:
            if sz:
                side[sign * px] = sz
            else:
                side.pop(sign * px, None)


def top(book: tuple[SortedDict, SortedDict]) -> list[float]:
    """Read the best levels."""
    row: list[float] = []
    for side, sign in ((book[0], -1.0), (book[1], 1.0)):
        best = side.keys()[:DEPTH]
        missing = [np.nan] * (DEPTH - len(best))
        row += [sign * px for px in best] + missing + [side[px] for px in best] + missing
    return row


def whole(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From the capture to a top after each depth message."""

    def run() -> list[list[float]]:
        book = SortedDict(), SortedDict()
        tops = []
        for message in messages(given["capture"]):
            apply(book, message)
            tops.append(top(book))
        return tops

    return run, compared


def tops(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From decoded levels to a top after each depth message."""
    decoded = list(messages(given["capture"]))

    def run() -> list[list[float]]:
        book = SortedDict(), SortedDict()
        rows = []
        for message in decoded:
            apply(book, message)
            rows.append(top(book))
        return rows

    return run, compared


def book(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From decoded levels to the book at the end."""
    decoded = list(messages(given["capture"]))

    def run() -> list[list[float]]:
        state = SortedDict(), SortedDict()
        for message in decoded:
            apply(state, message)
        return [top(state)]

    return run, compared_at_end


CONTENDERS: Final = {"book": book, "tops": tops, "whole": whole}
