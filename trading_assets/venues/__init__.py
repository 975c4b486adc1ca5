"""How each venue's wire speaks: found here by the venue part of an instrument id."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from trading_assets.identifiers import Instrument
from trading_assets.venues import binance, binance_lines, interchange
from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import Reason, Records, Template, refuse


class Reader(Protocol):
    """Turns one parsed JSON message of an instrument into what it says, or raises `Malformed`."""

    def __call__(self, document: object, *, instrument: Instrument) -> Records:
        """Read one message."""


def _refused(_document: object, *, instrument: Instrument) -> Records:  # noqa: ARG001 - a reader's signature
    refuse(Reason.UNKNOWN_MESSAGE)


@dataclass(frozen=True, slots=True)
class Venue:
    """What a venue's files offer."""

    read: Reader
    templates: Callable[[Instrument], tuple[Template, ...]]
    """Texts that a fast decoder may read without asking `read`."""
    symbol_of: Callable[[bytes], str | None]
    """Names the symbol of a line at a glance, or None where it does not say."""
    market_of: Callable[[bytes], str | None]
    """Names the venue with its market of a line at a glance, or None where it does not say."""
    rule: Rule
    """How its updates join up."""


def _binance(rule: Rule) -> Venue:
    return Venue(
        read=binance.read,
        templates=binance_lines.templates,
        symbol_of=binance_lines.symbol_of,
        market_of=binance_lines.market_of,
        rule=rule,
    )


VENUES: Final = MappingProxyType(
    {
        binance.SPOT: _binance(binance.SPOT_RULE),
        binance.USDM: _binance(binance.FUTURES_RULE),
        binance.COINM: _binance(binance.FUTURES_RULE),
    }
)
"""Venue name -> how to read its own messages. Another venue is its own file and one more entry."""

FILES_ONLY: Final = Venue(
    read=_refused,
    templates=lambda _: (),
    symbol_of=lambda _: None,
    market_of=lambda _: None,
    rule=interchange.RULE,
)
"""A venue whose own messages nothing reads: its books come from files of other formats."""


def venue_of(instrument: Instrument) -> Venue:
    """Find how to read an instrument's wire; of a venue without a decoder only interchange lines are read."""
    return VENUES.get(instrument.venue, FILES_ONLY)
