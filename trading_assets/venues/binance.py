"""How Binance's wire speaks: spot, USD-M and COIN-M futures, as combined-stream or bare messages.

Belongs here: Binance's field names, message kinds and markets. Does not: bytes, clocks of the receiver, the book.

Sources: Binance API documentation, "WebSocket Streams" of spot, USD-M and COIN-M. How updates join up is in
"How to manage a local order book correctly" (one page a market). Spot: the first update to apply holds the id after the
snapshot, `U <= lastUpdateId + 1 <= u`, and each later one has `U == previous u + 1`. Futures: the first has
`U <= lastUpdateId <= u`, and each later one has `pu == previous u`.

Futures `trade` has a field `X`. Where it is not MARKET, the insurance fund or auto-deleveraging took a position
over: no two orders met, the price may lie off the tick, and `m` names no aggressor (dev.binance.vision/t/18342).
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import (
    Depth,
    Ignored,
    Reason,
    Record,
    Ticker,
    Trade,
    field,
    flag,
    integer,
    levels,
    positive,
    refuse,
    size,
    text,
    time_ms,
)

SPOT: Final = "BINANCE"
USDM: Final = "BINANCE_USDM"
COINM: Final = "BINANCE_COINM"
MARKETS: Final = (SPOT, USDM, COINM)

SPOT_RULE: Final = Rule("consecutive", may_overlap=True, is_snapshot_in_stream=False, are_trades_consecutive=True)
FUTURES_RULE: Final = Rule("previous", is_snapshot_in_stream=False, are_trades_consecutive=True)

Message = Mapping[str, object]

DEPTH: Final = "depthUpdate"
TRADE: Final = "trade"
TICKER: Final = "bookTicker"
SNAPSHOT: Final = "snapshot"
OTHER_EVENTS: Final = frozenset(
    {"aggTrade", "avgPrice", "24hrTicker", "24hrMiniTicker", "1hTicker", "4hTicker", "1dTicker", "serverShutdown"}
    | {"kline", "continuous_kline", "indexPrice_kline", "markPrice_kline", "markPriceUpdate", "indexPriceUpdate"}
    | {"forceOrder", "contractInfo", "compositeIndex", "assetIndexUpdate"}
)
"""Kinds that are counted and left. Any other name is a dead letter, so that a damaged one is not counted as ignored."""

_MARKET_TRADE: Final = "MARKET"
_TRANSFERS: Final = frozenset({"INSURANCE_FUND", "ADL", "NA"})
_TICKER_FIELDS: Final = frozenset("usbBaA")
_REPLIES: Final = MappingProxyType({frozenset({"result", "id"}): "reply", frozenset({"error", "id"}): "error"})
_STREAM: Final = re.compile(r"(?:(?P<symbol>[^@!]+)@|!)(?P<channel>[A-Za-z]+)(?P<levels>[0-9]*)(?:@[0-9]+ms)?")
_CHANNEL_KINDS: Final = frozenset(
    {("depth", DEPTH), ("rpiDepth", DEPTH), ("depth", SNAPSHOT), ("trade", TRADE), ("bookTicker", TICKER)}
)


def read(document: object, *, instrument: Instrument) -> Record:
    """Turn one parsed JSON message of `instrument` into a record.

    Raises:
        Malformed: the message is damaged, unknown, or of another market or symbol.
    """
    stream, message = _unwrapped(document)
    kind = classify(message)
    if not isinstance(message, dict):
        return Ignored(kind)
    if message.get("s", message.get("symbol", instrument.symbol)) != instrument.symbol:
        refuse(Reason.WRONG_SYMBOL)
    if kind not in _READERS:
        return Ignored(kind)
    if instrument.venue not in _markets(kind, message):
        refuse(Reason.WRONG_MARKET)
    other_book = None if stream is None else _other_book(stream, kind, instrument.symbol)
    return _READERS[kind](message) if other_book is None else Ignored(other_book)


def classify(message: object) -> str:
    """Name a message's kind: an event name, `snapshot`, `reply` or `error`.

    Raises:
        Malformed: no kind that Binance documents.
    """
    if isinstance(message, list) and message and all(isinstance(item, dict) for item in message):
        kinds = {classify(item) for item in message}
        return kinds.pop() if len(kinds) == 1 and kinds <= OTHER_EVENTS else refuse(Reason.UNKNOWN_MESSAGE)
    if not isinstance(message, dict):
        refuse(Reason.UNKNOWN_MESSAGE)
    if "e" in message:
        event = text(message, "e")
        return event if event in _EVENTS else refuse(Reason.UNKNOWN_MESSAGE)
    if "lastUpdateId" in message:
        return SNAPSHOT
    if message.keys() >= _TICKER_FIELDS:
        return TICKER
    return _REPLIES.get(frozenset(message)) or refuse(Reason.UNKNOWN_MESSAGE)


def _unwrapped(document: object) -> tuple[str | None, object]:
    if isinstance(document, dict) and document.keys() == {"stream", "data"}:
        return text(document, "stream"), document["data"]
    return None, document


def _markets(kind: str, message: Message) -> tuple[str, ...]:
    """Markets whose messages of this kind have just these telling fields."""
    telling, coinm = {DEPTH: ("pu", "ps"), TRADE: ("X", "X"), TICKER: ("e", "ps"), SNAPSHOT: ("E", "pair")}[kind]
    if telling not in message:
        return (SPOT,)
    if kind == TRADE:
        return (USDM, COINM)
    return (COINM,) if coinm in message else (USDM,)


def _other_book(stream: str, kind: str, symbol: str) -> str | None:
    """Name the book a stream carries where it is not the whole one: its top levels, or one with hidden orders."""
    match = _STREAM.fullmatch(stream)
    if match is None or (match["channel"], kind) not in _CHANNEL_KINDS:
        refuse(Reason.UNKNOWN_MESSAGE)
    if match["symbol"] is not None and match["symbol"].upper() != symbol:
        refuse(Reason.WRONG_SYMBOL)
    if match["levels"]:
        return "partialDepth"
    return "rpiDepth" if match["channel"] == "rpiDepth" else None


def _event_time(message: Message) -> int:
    """When it happened (`T`, the matching engine's time) where the message says, else when it was sent (`E`)."""
    sent = time_ms(message, "E")
    return time_ms(message, "T") if "T" in message else sent


def _depth(message: Message) -> Record:
    seq_first, seq_last = integer(message, "U"), integer(message, "u")
    if seq_last < seq_first:
        refuse(Reason.IDS_OUT_OF_ORDER)
    return Depth(
        is_snapshot=False,
        ts_event=_event_time(message),
        seq_first=seq_first,
        seq_last=seq_last,
        seq_prev=integer(message, "pu") if "pu" in message else None,
        bids=levels(message, "b"),
        asks=levels(message, "a"),
    )


def _snapshot(message: Message) -> Record:
    seq = integer(message, "lastUpdateId")
    return Depth(
        is_snapshot=True,
        ts_event=_event_time(message) if "E" in message else None,
        seq_first=seq,
        seq_last=seq,
        seq_prev=None,
        bids=levels(message, "bids"),
        asks=levels(message, "asks"),
    )


def _trade(message: Message) -> Record:
    text(message, "s")
    origin = text(message, "X") if "X" in message else _MARKET_TRADE
    if origin != _MARKET_TRADE:
        return Ignored(f"trade {origin}") if origin in _TRANSFERS else refuse(Reason.UNKNOWN_MESSAGE)
    return Trade(
        ts_event=_event_time(message),
        trade_id=integer(message, "t"),
        px=positive(field(message, "p")),
        sz=positive(field(message, "q")),
        is_sell=flag(message, "m"),
    )


def _ticker(message: Message) -> Record:
    if "e" in message:
        _event_time(message)
    return Ticker(
        seq=integer(message, "u"),
        bid=(positive(field(message, "b")), size(field(message, "B"))),
        ask=(positive(field(message, "a")), size(field(message, "A"))),
    )


_READERS: Final[Mapping[str, Callable[[Message], Record]]] = MappingProxyType(
    {DEPTH: _depth, SNAPSHOT: _snapshot, TRADE: _trade, TICKER: _ticker}
)
_EVENTS: Final = OTHER_EVENTS | {DEPTH, TRADE, TICKER}
