"""Whose lines a file holds: what its lines say about their own symbol and market, taken together.

Belongs here: counting what lines say, and concluding which instruments a file is of, or why that cannot be told.
Does not: how a venue's line says it (venues), nor cutting the file (landing).

A line names its symbol, its market, both or neither. One line of a thousand may be damaged and name anything: a name
that occurs once among `STRAY_AMONG` is not believed, and the decoder makes a dead letter of that line.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np

from trading_assets.errors import InvalidIdentifier, NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import Bools
from trading_assets.sources.lines import UNREADABLE, Int64s
from trading_assets.venues import UNTOLD, VENUES

STRAY_AMONG: Final = 1000
MAX_STRAY_SHARE: Final = 0.01
"""How many lines may contradict an instrument that the user named, before it is taken for a wrong file."""
MAX_NAMES: Final = 10_000
"""More names than this in one file are noise, not markets; it bounds the memory that noise can take."""

_WAY_OUT: Final = "split it by {}, or name the instrument with --instrument"
_SPEAKERS: Final = tuple({id(venue): venue for venue in VENUES.values()}.values())

HEAD_BYTES: Final = 400
"""Everything but price levels stands at the front of a line that is an object."""
TAIL_BYTES: Final = 36
"""A message that is a list names its channel and symbol at its end."""
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


def instruments_of(survey: Survey, *, said: Instrument | None, venue: str | None = None) -> tuple[Instrument, ...]:
    """Conclude which instruments, all of one market, a file's lines are of.

    Args:
        survey: what the lines say.
        said: what the user says; the lines must agree.
        venue: the market that the user says; the lines must agree.

    Raises:
        NotACapture: no line says anything, lines contradict the user or each other, or a name is not allowed.
    """
    if venue is not None and venue not in VENUES:
        raise NotACapture(f"no lines of {venue!a} can be read: a venue is one of {', '.join(sorted(VENUES))}")
    markets = _markets(survey)
    symbols = _believed(_counted(survey, "symbol"))
    n_snapshots = sum(n for name, n in survey.names.items() if name.is_snapshot)
    if not markets and not n_snapshots:
        raise NotACapture(_nothing_found(survey))
    _check_books(survey)
    if said is not None:
        _must_agree(survey, said)
        return (said,)
    if venue is not None:
        _must_agree_on(_counted(survey, "market"), venue, option=f"--venue says {venue}")
        markets = [venue]
    if len(markets) > 1:
        raise NotACapture(f"lines of {', '.join(sorted(markets))} in one file: {_WAY_OUT.format('market')}")
    if not markets or not symbols:
        raise NotACapture("no line says both its market and its symbol: name the instrument with --instrument")
    if markets[0] in UNTOLD:
        raise NotACapture(
            f"no line tells which of {', '.join(sorted(UNTOLD[markets[0]]))} it is of: name the market with --venue"
        )
    if len(symbols) > 1 and n_snapshots:
        raise NotACapture(
            f"{n_snapshots} of its lines (REST snapshots) do not say which of {_listed(sorted(symbols))} they are of: "
            f"{_WAY_OUT.format('symbol')}"
        )
    return tuple(sorted(_instrument(symbol, markets[0]) for symbol in symbols))


def first_of(survey: Survey, instruments: tuple[Instrument, ...]) -> int:
    """Return which of the instruments is the first that a line names, by its place in the list."""
    symbols = [instrument.symbol for instrument in instruments]
    return next((symbols.index(name.symbol) for name in survey.names if name.symbol in symbols), 0)


def _counted(survey: Survey, part: Literal["symbol", "market"]) -> Counter[str]:
    result: Counter[str] = Counter()
    for name, n in survey.names.items():
        said: str | None = getattr(name, part)
        if said is not None:
            result[said] += n
    return result


def _believed(counts: Counter[str]) -> list[str]:
    is_long = counts.total() >= STRAY_AMONG
    return [name for name, n in counts.most_common() if n > 1 or not is_long]


def _markets(survey: Survey) -> list[str]:
    """List the markets that lines are of; of lines that do not tell which, what they do tell, if no other says more."""
    believed = _believed(_counted(survey, "market"))
    return [market for market in believed if not UNTOLD.get(market, frozenset()) & set(believed)]


def _check_books(survey: Survey) -> None:
    """Refuse books of two depths: each is numbered for itself, and what one shows contradicts the other."""
    depths: dict[str, set[str]] = {}
    is_long = survey.books.total() >= STRAY_AMONG
    for (symbol, levels), n in survey.books.items():
        if n > 1 or not is_long:
            depths.setdefault(symbol, set()).add(levels)
    for symbol, found in sorted(depths.items()):
        if len(found) > 1:
            shown = " and ".join(sorted(found, key=int))
            raise NotACapture(f"it has books of {shown} levels of {symbol}, which do not mix: keep one of them")


def _must_agree(survey: Survey, said: Instrument) -> None:
    _must_agree_on(_counted(survey, "market"), said.venue, option=f"--instrument says {said}")
    _must_agree_on(_counted(survey, "symbol"), said.symbol, option=f"--instrument says {said}")


def _must_agree_on(counts: Counter[str], expected: str, *, option: str) -> None:
    others = [name for name, _ in counts.most_common() if name != expected and expected not in UNTOLD.get(name, ())]
    if sum(counts[name] for name in others) > MAX_STRAY_SHARE * counts.total():
        said = f"{option}, but lines of the file are of {_listed(others)}"
        raise NotACapture(f"{said}: name that, or leave the option out")


def _instrument(symbol: str, market: str) -> Instrument:
    try:
        return Instrument.parse(f"{symbol}.{market}")
    except InvalidIdentifier as error:
        raise NotACapture(f"a line names a symbol that cannot be an instrument: {error}") from None


def _nothing_found(survey: Survey) -> str:
    supported = f"supported are recordings of {', '.join(sorted(VENUES))}, one line a message"
    if not survey.n_lines:
        return f"{survey.damage or 'the file is empty'}; {supported}"
    if not survey.n_times:
        return (
            f"none of {survey.n_lines} lines begins with a receive time (nanoseconds since 1970, a space, "
            f"then the venue's JSON); {supported}"
        )
    return f"{survey.n_times} of {survey.n_lines} lines have a receive time, but none is of a known venue; {supported}"


def _listed(names: Iterable[str]) -> str:
    shown = [ascii(name)[1:-1] for name in names]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")  # noqa: PLR2004
