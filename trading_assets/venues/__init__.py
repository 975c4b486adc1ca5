"""How each venue's wire speaks: found here by the venue part of an instrument id."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from trading_assets.identifiers import Instrument
from trading_assets.venues import (
    binance,
    binance_lines,
    bybit,
    bybit_lines,
    coinbase,
    coinbase_lines,
    interchange,
    kraken,
    kraken_lines,
)
from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import Reason, Records, Template, refuse


class Reader(Protocol):
    """Turns one parsed JSON message of an instrument into what it says, or raises `Malformed`."""

    def __call__(self, document: object, /, *, instrument: Instrument) -> Records:
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
    books: re.Pattern[bytes] | None = None
    """Finds (levels, symbol) of book lines in a chunk, where a symbol has books of several depths that do not mix."""
    connection_number: Callable[[bytes], int | None] | None = None
    """Reads the number of a line among all of its connection, where such numbers, not an instrument's, tell of loss."""


def _binance(rule: Rule) -> Venue:
    return Venue(
        read=binance.read,
        templates=binance_lines.templates,
        symbol_of=binance_lines.symbol_of,
        market_of=binance_lines.market_of,
        rule=rule,
    )


_KRAKEN: Final = Venue(
    read=kraken.read,
    templates=kraken_lines.templates,
    symbol_of=kraken_lines.symbol_of,
    market_of=kraken_lines.market_of,
    rule=kraken.RULE,
    books=kraken_lines.BOOKS,
)
_COINBASE: Final = Venue(
    read=coinbase.read,
    templates=coinbase_lines.templates,
    symbol_of=coinbase_lines.symbol_of,
    market_of=coinbase_lines.market_of,
    rule=coinbase.RULE,
    connection_number=coinbase_lines.connection_number,
)
_BYBIT: Final = Venue(
    read=bybit.read,
    templates=bybit_lines.templates,
    symbol_of=bybit_lines.symbol_of,
    market_of=bybit_lines.market_of,
    rule=bybit.RULE,
    books=bybit_lines.BOOKS,
)

VENUES: Final = MappingProxyType(
    {
        kraken.VENUE: _KRAKEN,
        coinbase.VENUE: _COINBASE,
        bybit.SPOT: _BYBIT,
        bybit.LINEAR: _BYBIT,
        bybit.INVERSE: _BYBIT,
        binance.SPOT: _binance(binance.SPOT_RULE),
        binance.USDM: _binance(binance.FUTURES_RULE),
        binance.COINM: _binance(binance.FUTURES_RULE),
    }
)
"""Venue name -> how to read its own messages. Another venue is its own file and one more entry.

A line is asked for its symbol and market by each in turn: first those whose lines have a sign of their own.
"""

UNTOLD: Final = MappingProxyType({bybit.UNTOLD: frozenset({bybit.SPOT, bybit.LINEAR, bybit.INVERSE})})
"""What `market_of` says of a line that is one of several markets' and does not tell of which."""

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
