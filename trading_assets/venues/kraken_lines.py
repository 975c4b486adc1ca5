"""Kraken lines at a glance, and the exact texts that a fast decoder may read without asking `kraken.read`.

Belongs here: byte patterns. Does not: the meaning of a message (kraken).
"""

import re
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.kraken import VENUE, symbol_of_pair
from trading_assets.venues.wire import Template

DEPTHS: Final = (10, 25, 100, 500, 1000)
"""Levels a side that can be subscribed to."""
BOOKS: Final = re.compile(rb'"book-([0-9]+)","([^"\\]+)"\]')

_PAIR: Final = r'"([A-Za-z0-9.]+/[A-Za-z0-9.]+)"'
_TAIL: Final = re.compile(rb'"(?:book-[0-9]+|trade|ticker|spread|ohlc-[0-9]+)",' + _PAIR.encode() + rb"\]$")
_EVENT: Final = re.compile(rb'"event":"(?:systemStatus|subscriptionStatus)"')
_SUBSCRIBED: Final = re.compile(rb'"pair":' + _PAIR.encode())


def symbol_of(line: bytes) -> str | None:
    """Name the symbol of a line at a glance; None where it does not say, as a heartbeat."""
    match = _tail(line) or (_SUBSCRIBED.search(line) if _EVENT.search(line) else None)
    return symbol_of_pair(match[1].decode()) if match else None


def market_of(line: bytes) -> str | None:
    """Name the market of a line at a glance; None where it does not say, as a heartbeat."""
    return VENUE if _tail(line) or _EVENT.search(line) else None


def _tail(line: bytes) -> re.Match[bytes] | None:
    end = line.rstrip()
    return _TAIL.search(end) if end.endswith(b'"]') else None


def templates(instrument: Instrument) -> tuple[Template, ...]:
    """List the book messages of one pair as Kraken prints them, each for one side: most change only one."""
    pair = instrument.symbol.replace("-", "/")
    return tuple(
        Template(
            "update",
            f'[<id>,{{"{key}":<dated_{side}>,"c":"<checksum>"}},"book-{depth}","{pair}"]',
            max_levels=depth,
        )
        for depth in reversed(DEPTHS)
        for key, side in (("b", "bids"), ("a", "asks"))
    )
