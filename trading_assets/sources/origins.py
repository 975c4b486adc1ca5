"""Whose lines a file holds, concluded from what they say.

Belongs here: which instruments a file is of, or why that cannot be told.
Does not: what lines say (survey), nor cutting the file (landing).

One line of a thousand may be damaged and name anything: a name that occurs once among `STRAY_AMONG` is not believed,
and the decoder makes a dead letter of that line.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

from trading_assets.errors import InvalidIdentifier, NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sources.survey import Survey
from trading_assets.venues import UNTOLD, VENUES

STRAY_AMONG: Final = 1000
MAX_STRAY_SHARE: Final = 0.01
"""How many lines may contradict an instrument that the user named, before it is taken for a wrong file."""
_WAY_OUT: Final = "split it by {}, or name the instrument with --instrument"


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
    supported = (
        f"supported are recordings of {', '.join(sorted(VENUES))}, one line a message, "
        "and files with the exact header or name of a format in docs/formats.md"
    )
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
