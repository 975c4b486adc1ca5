"""Coinbase lines at a glance, and the exact texts that a fast decoder may read without asking `coinbase.read`.

Belongs here: byte patterns. Does not: the meaning of a message (coinbase).
"""

import re
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.coinbase import NUMBER, VENUE
from trading_assets.venues.wire import Template

_HEAD_BYTES: Final = 400
"""Everything but price levels, and trades after the first, stands at the front of a line."""
_PRODUCT: Final = re.compile(rb'"product_id":"([A-Za-z0-9][A-Za-z0-9_-]*)"')
_CHANNEL: Final = re.compile(rb'"channel":"[a-z0-9_]+"')
_NUMBER: Final = re.compile(rb'"%s":(0|[1-9][0-9]{0,17})[,}]' % NUMBER.encode())


def symbol_of(line: bytes) -> str | None:
    """Name the symbol of a line at a glance; None where it does not say, as a heartbeat."""
    match = _PRODUCT.search(line[:_HEAD_BYTES]) if market_of(line) else None
    return match[1].decode() if match else None


def market_of(line: bytes) -> str | None:
    """Name the market of a line at a glance; None where it does not say."""
    head = line[:_HEAD_BYTES]
    return VENUE if _CHANNEL.search(head) and _NUMBER.search(head) else None


def connection_number(line: bytes) -> int | None:
    """Return the number that a line has among all lines of its connection; None where it has none."""
    match = _NUMBER.search(line[:_HEAD_BYTES])
    return int(match[1]) if match else None


def templates(instrument: Instrument) -> tuple[Template, ...]:
    """List the book messages of one product as Coinbase prints them."""
    return tuple(
        Template(kind, _BOOK.replace("TYPE", kind).replace("SYMBOL", instrument.symbol))
        for kind in ("update", "snapshot")
    )


_BOOK: Final = (
    '{"channel":"l2_data","timestamp":"<sent>","sequence_num":<seq>,"events":[{"type":"TYPE","product_id":"SYMBOL",'
    '"updates":<named_levels>}]}'
)
