"""How each venue's wire speaks: found here by the venue part of an instrument id."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import Instrument
from trading_assets.venues import binance, binance_lines
from trading_assets.venues.wire import Record, Template


class Reader(Protocol):
    """Turns one parsed JSON message of an instrument into a record, or raises `Malformed`."""

    def __call__(self, document: object, *, instrument: Instrument) -> Record:
        """Read one message."""


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


_BINANCE: Final = Venue(
    read=binance.read,
    templates=binance_lines.templates,
    symbol_of=binance_lines.symbol_of,
    market_of=binance_lines.market_of,
)

VENUES: Final = MappingProxyType(dict.fromkeys(binance.MARKETS, _BINANCE))
"""Venue name -> how to read it. Another venue is its own file and one more entry."""


def venue_of(instrument: Instrument) -> Venue:
    """Find how to read an instrument's wire.

    Raises:
        InvalidIdentifier: nothing reads it; the message lists the venues that can be read.
    """
    if instrument.venue not in VENUES:
        raise InvalidIdentifier(
            f"{instrument}: no decoder for venue {instrument.venue}; supported are {', '.join(sorted(VENUES))}"
        )
    return VENUES[instrument.venue]
