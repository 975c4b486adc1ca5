"""What the lines of a file say about themselves: their symbol, their market, their days, counted.

Belongs here: asking lines, and counting the answers. Does not: how a venue's line says it (venues), nor what follows
from the answers (origins).

A line names its symbol, its market, both or neither.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from trading_assets.errors import NotACapture
from trading_assets.raw.messages import Bools
from trading_assets.sources.lines import UNREADABLE, Int64s
from trading_assets.venues import UNTOLD, VENUES

MAX_NAMES: Final = 10_000
"""More names than this in one file are noise, not markets; it bounds the memory that noise can take."""

HEAD_BYTES: Final = 400
"""Everything but price levels stands at the front of a line that is an object."""
TAIL_BYTES: Final = 36
"""A message that is a list names its channel and symbol at its end."""
_SPEAKERS: Final = tuple({id(venue): venue for venue in VENUES.values()}.values())
_RESUMED: Final = b' {"interchange":"resumed"'
_SNAPSHOT: Final = b'"lastUpdateId":'
_DIGITS_MASKED: Final = bytes.maketrans(b"123456789", b"000000000")
_SILENT_BYTES: Final = 20
"""A receive time and a space: a line of no more bytes says nothing."""
_LIST_AT: Final = _SILENT_BYTES


class Name(NamedTuple):
    """What a line says about whose it is; None where it does not say."""

    symbol: str | None
    market: str | None
    is_snapshot: bool = False  # a REST snapshot, asked only of lines that name no symbol


@dataclass(slots=True)
class Survey:
    """What the lines of one file say, counted: (symbol, market), None where a line does not say."""

    names: Counter[Name] = field(default_factory=Counter)
    n_lines: int = 0
    n_times: int = 0  # lines with a readable receive time
    days: dict[int, None] = field(default_factory=dict)  # days since the epoch, in order of first appearance
    damage: str | None = None  # why the file may hold more than was read
    books: Counter[tuple[str, str]] = field(default_factory=Counter)  # (symbol, levels) of book lines
    is_split: bool = False  # it is of one instrument of a connection, and says what is known of the connection

    def add_days(self, days: Int64s) -> None:
        """Note the days that more lines were received on."""
        if len(days):
            changes = np.flatnonzero(np.diff(days, prepend=UNREADABLE))
            self.days.update(dict.fromkeys(days[changes].tolist()))

    def add_names(self, names: Iterable[Name]) -> None:
        """Count in what more lines say.

        Raises:
            NotACapture: there are more different names than markets could have.
        """
        self.names.update(names)
        if len(self.names) > MAX_NAMES:
            raise NotACapture(f"more than {MAX_NAMES} different symbols: this is not a recording of market data")

    def add_books(self, chunk: bytes, names: Iterable[Name]) -> None:
        """Count in of which depth the book lines of a chunk are, where a venue has books of several depths."""
        self.is_split = self.is_split or _RESUMED in chunk
        markets = {name.market for name in names}
        patterns = {venue.books for market, venue in VENUES.items() if {market, _family(market)} & markets}
        for pattern in patterns - {None}:
            found = pattern.findall(chunk)  # type: ignore[union-attr]  # None was taken out
            self.books.update((symbol.decode(), levels.decode()) for levels, symbol in found)


def _family(market: str) -> str | None:
    """Return what a line says that does not tell which of several markets it is of."""
    return next((untold for untold, markets in UNTOLD.items() if market in markets), None)


def name_of(line: bytes) -> Name:
    """Return what one line says about itself in its first `HEAD_BYTES`, or if it is a list in its last `TAIL_BYTES`."""
    is_list = line[_LIST_AT : _LIST_AT + 1] == b"[" and line[_LIST_AT + 1 : _LIST_AT + 2].isdigit()
    return _named(line[-TAIL_BYTES:] if is_list else line[:HEAD_BYTES])


def _named(part: bytes) -> Name:
    for venue in _SPEAKERS:
        symbol, market = venue.symbol_of(part), venue.market_of(part)
        if symbol is not None or market is not None:
            return Name(symbol, market, symbol is None and _SNAPSHOT in part)
    return Name(None, None, _SNAPSHOT in part)


def _are_lists(chunk: bytes, starts: Int64s) -> Bools:
    """Tell of lines, each longer than a receive time, which hold a list that begins with a number."""
    data = np.frombuffer(chunk + b" ", np.uint8)
    opens, first = data[starts + _LIST_AT], data[starts + _LIST_AT + 1]
    result: Bools = (opens == ord("[")) & (first >= ord("0")) & (first <= ord("9"))
    return result


def names_of(chunk: bytes, starts: Int64s) -> tuple[Int64s, list[Name]]:
    """Return what the lines of a chunk say about themselves: which lines, and the name of each.

    Lines too short to say anything are left out. Asking a line costs microseconds, so lines that are equal but for
    their digits are asked once. Digits tell markets apart in a symbol and nowhere else: lines with such a symbol are
    all asked.
    """
    at = np.flatnonzero(np.diff(starts) > _SILENT_BYTES)
    masked = chunk.translate(_DIGITS_MASKED)
    is_list = _are_lists(chunk, starts[at])
    begins = np.where(is_list, np.maximum(starts[at], starts[at + 1] - TAIL_BYTES), starts[at]).tolist()
    ends = np.where(is_list, starts[at + 1], np.minimum(starts[at + 1], starts[at] + HEAD_BYTES)).tolist()
    shapes = [masked[begin:end] for begin, end in zip(begins, ends, strict=True)]
    examples = dict(zip(shapes, zip(begins, ends, strict=True), strict=True))
    names = {shape: _named(chunk[begin:end]) for shape, (begin, end) in examples.items()}
    if not any(map(_may_hold_digits, names.values())):
        return at, [names[shape] for shape in shapes]
    lines = zip(shapes, begins, ends, strict=True)
    return at, [_named(chunk[a:b]) if _may_hold_digits(names[shape]) else names[shape] for shape, a, b in lines]


def _may_hold_digits(name: Name) -> bool:
    return name.symbol is not None and any(map(str.isdigit, name.symbol))
