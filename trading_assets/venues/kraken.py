"""How Kraken's wire speaks: spot, public channels of its websocket API version 1.

Belongs here: Kraken's field names and channels. Does not: bytes, clocks of the receiver, the book.

Sources: Kraken, "Websockets API 1.9" (channels book, trade, ticker, spread, ohlc) and the guide "Spot Websockets (v1)
Book Checksum". A message is a list: the channel's number, one or two payloads, the channel's name, the pair. Updates
have no ids; each carries the CRC32 of the best ten levels a side as they are after it, made over digits as printed:
so a book that answers to every checksum has lost nothing. A subscription of N levels shows the best N a side, and does
not say which level fell out when another came in. Levels of a message are in the order of their making, the last of
a price stands. A trade's side is that of the order that set it off.

Symbols are the venue's pairs with a dash for the slash: `XBT/USD` is `XBT-USD.KRAKEN`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.clocks import unix_seconds
from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import (
    Depth,
    Ignored,
    JsonInteger,
    Level,
    Reason,
    Records,
    Ticker,
    Trade,
    field,
    positive,
    refuse,
    size,
    text,
)

VENUE: Final = "KRAKEN"
RULE: Final = Rule(updates="none")
EVENTS: Final = frozenset({"heartbeat", "systemStatus", "subscriptionStatus", "pong", "error"})
"""Messages about the connection. They are counted and left; any other name is a dead letter."""

_BOOK: Final = re.compile(r"book-([1-9][0-9]{0,3})")
_LEFT: Final = re.compile(r"(spread|ohlc)(?:-[1-9][0-9]{0,4})?")
_CHECKSUM: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_MAX_CHECKSUM: Final = 2**32 - 1
_SHORTEST: Final = len(("number", "payload", "channel", "pair"))
_SIDES: Final[Mapping[object, bool]] = {"b": False, "s": True}
_N_PARTS: Final = len(("price", "volume", "time"))
_TRADE_PARTS: Final = ("price", "volume", "time", "side", "order type", "miscellaneous")
_REPUBLISHED: Final = "r"
"""Marks a level that is sent again unchanged."""


def symbol_of_pair(pair: str) -> str:
    """Spell a pair as a symbol, `XBT/USD` as `XBT-USD`."""
    return pair.replace("/", "-")


def read(document: object, *, instrument: Instrument) -> Records:
    """Turn one parsed JSON message of `instrument` into what it says.

    Raises:
        Malformed: the message is damaged, unknown, or of another pair.
    """
    if isinstance(document, dict):
        return _event(document, instrument)
    if not isinstance(document, list) or len(document) < _SHORTEST:
        refuse(Reason.UNKNOWN_MESSAGE)
    number, *payloads, channel, pair = document
    if not isinstance(number, JsonInteger) or type(channel) is not str or type(pair) is not str:
        refuse(Reason.UNKNOWN_MESSAGE)
    if symbol_of_pair(pair) != instrument.symbol:
        refuse(Reason.WRONG_SYMBOL)
    return _channel(channel, payloads)


def _event(message: Mapping[str, object], instrument: Instrument) -> Ignored:
    event = text(message, "event")
    if event not in EVENTS:
        refuse(Reason.UNKNOWN_MESSAGE)
    if "pair" in message and symbol_of_pair(text(message, "pair")) != instrument.symbol:
        refuse(Reason.WRONG_SYMBOL)
    return Ignored(event)


def _channel(channel: str, payloads: Sequence[object]) -> Records:
    if (book := _BOOK.fullmatch(channel)) is not None:
        return _book(payloads, int(book[1]))
    if len(payloads) != 1:
        refuse(Reason.UNKNOWN_MESSAGE)
    if (left := _LEFT.fullmatch(channel)) is not None:
        return Ignored(left[1])
    payload = payloads[0]
    match channel:
        case "trade" if isinstance(payload, list) and payload:
            return [_trade(trade) for trade in payload]
        case "ticker" if isinstance(payload, dict):
            return _ticker(payload)
        case "trade" | "ticker":
            return refuse(Reason.WRONG_TYPE)
        case _:
            return refuse(Reason.UNKNOWN_MESSAGE)


def _book(payloads: Sequence[object], n_levels: int) -> Depth:
    said = _joined(payloads)
    is_snapshot = said.keys() == {"as", "bs"}
    is_update = said.keys() in ({"a"}, {"b"}, {"a", "b"}, {"a", "c"}, {"b", "c"}, {"a", "b", "c"})
    if not (is_snapshot or is_update):
        refuse(Reason.UNKNOWN_MESSAGE)
    bids, asks = (_rungs(said.get(key, [])) for key in (("bs", "as") if is_snapshot else ("b", "a")))
    rungs = [*bids, *asks]
    return Depth(
        is_snapshot=is_snapshot,
        ts_event=max((unix_seconds(rung[2]) for rung in rungs), default=None),
        seq_first=None,
        seq_last=None,
        seq_prev=None,
        bids=[(positive(rung[0]), size(rung[1])) for rung in bids],
        asks=[(positive(rung[0]), size(rung[1])) for rung in asks],
        max_levels=n_levels,
        checksum=_checksum(said["c"]) if "c" in said else None,
        places=(_places(rungs[-1][0]), _places(rungs[-1][1])) if rungs else (0, 0),
    )


def _joined(payloads: Sequence[object]) -> Mapping[str, object]:
    """Put the two sides of a book message together, which come in two payloads where both changed."""
    said: dict[str, object] = {}
    for payload in payloads:
        if not isinstance(payload, dict):
            refuse(Reason.WRONG_TYPE)
        if said.keys() & payload.keys():
            refuse(Reason.DUPLICATE_KEY)
        said |= payload
    return said


def _rungs(value: object) -> list[list[object]]:
    """Check `[["price", "volume", "time"], ...]`, where a level may also be marked as republished."""
    if not isinstance(value, list):
        refuse(Reason.WRONG_TYPE)
    for rung in value:
        is_rung = isinstance(rung, list) and (len(rung) == _N_PARTS or rung[_N_PARTS:] == [_REPUBLISHED])
        if not is_rung:
            refuse(Reason.WRONG_TYPE)
    return value


def _places(number: object) -> int:
    """Count printed decimals; all numbers of a kind have as many for one pair."""
    return len(str(number).partition(".")[2])


def _checksum(value: object) -> int:
    if type(value) is not str or _CHECKSUM.fullmatch(value) is None:
        refuse(Reason.WRONG_TYPE)
    checksum = int(value)
    return checksum if checksum <= _MAX_CHECKSUM else refuse(Reason.OUT_OF_RANGE)


def _trade(trade: object) -> Trade:
    if not isinstance(trade, list) or len(trade) != len(_TRADE_PARTS):
        refuse(Reason.WRONG_TYPE)
    px, sz, time, side = trade[: _TRADE_PARTS.index("order type")]
    if type(side) is not str or side not in _SIDES:
        refuse(Reason.WRONG_TYPE)
    return Trade(unix_seconds(time), None, positive(px), positive(sz), _SIDES[side])


def _ticker(message: Mapping[str, object]) -> Ticker:
    """Read the best bid and ask, which have no id to compare by."""
    return Ticker(seq=None, bid=_best(message, "b"), ask=_best(message, "a"))


def _best(message: Mapping[str, object], side: str) -> Level | None:
    """Read `["price", whole lots, "volume"]`; a price of 0 is an empty side."""
    best = field(message, side)
    if not isinstance(best, list) or len(best) != _N_PARTS:
        refuse(Reason.WRONG_TYPE)
    level = size(best[0]), size(best[2])
    return level if level[0].mantissa else None
