"""How Bybit's wire speaks: spot, linear (USDT, USDC) and inverse contracts, public topics of its API version 5.

Belongs here: Bybit's field names, topics and markets. Does not: bytes, clocks of the receiver, the book.

Sources: Bybit API documentation v5, "Websocket Stream / Public": Orderbook, Trade, Ticker. `orderbook.N` sends the best
N levels a side, then what changed among them, levels that fell out included. `u` rises by one; a snapshot begins the
book anew, also that of a restarted service, whose `u` is 1. `cts` is the matching engine's time, which `T` of a trade
is in, too. `seq`, and `cs` of a ticker, is the cross sequence: one count for all topics of a market and symbol. A
ticker of a contract names only what changed; spot's has no best bid and ask. `S` of a trade is the taker's side.

`orderbook.1` is read as a ticker: it is the best bid and ask, and runs beside the deeper book that a recording is for.

All markets use the same names of topics and symbols. Tickers and trades tell contracts from spot, other lines do not.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import (
    INT64_MAX,
    Depth,
    Ignored,
    Level,
    Reason,
    Records,
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

SPOT: Final = "BYBIT_SPOT"
LINEAR: Final = "BYBIT_LINEAR"
INVERSE: Final = "BYBIT_INVERSE"
UNTOLD: Final = "BYBIT"
"""The market of a line that is Bybit's and does not tell of which market."""
RULE: Final = Rule(updates="consecutive", is_ticker_between=True)
CONTRACT_SIGNS: Final = frozenset(
    {"bid1Price", "ask1Price", "markPrice", "indexPrice", "openInterest", "fundingRate", "nextFundingTime"}
    | {"tickDirection", "prevPrice1h", "singleOpenInterest"}
)
"""Fields that tickers of contracts have, and those of spot never."""
SPOT_SIGN: Final = "usdIndexPrice"
TICK_DIRECTION: Final = "L"
"""A field that trades of contracts have, and those of spot never."""

Message = Mapping[str, object]

_TOPIC: Final = re.compile(r"([A-Za-z]+)\.(?:([A-Za-z0-9]+)\.)?([A-Za-z0-9_-]+)")
_DEPTH: Final = re.compile(r"[1-9][0-9]{0,4}")
_LEFT: Final = frozenset({"kline", "liquidation", "allLiquidation", "priceLimit", "adlAlert", "insurance"})
_OPERATIONS: Final = frozenset({"subscribe", "unsubscribe", "ping", "pong", "auth"})
_TRADE_ID: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_SIDES: Final[Mapping[str, bool]] = {"Buy": False, "Sell": True}
_INVERSE_SYMBOL: Final = re.compile(r"[A-Z0-9]+USD(?:[FGHJKMNQUVXZ][0-9]{2})?")
_TOP: Final = "1"


def read(document: object, *, instrument: Instrument) -> Records:
    """Turn one parsed JSON message of `instrument` into what it says.

    Raises:
        Malformed: the message is damaged, unknown, or of another market or symbol.
    """
    if not isinstance(document, dict):
        refuse(Reason.UNKNOWN_MESSAGE)
    if "topic" not in document:
        operation = text(document, "op")
        return Ignored(operation) if operation in _OPERATIONS else refuse(Reason.UNKNOWN_MESSAGE)
    topic = _TOPIC.fullmatch(text(document, "topic"))
    if topic is None:
        refuse(Reason.UNKNOWN_MESSAGE)
    name, which, symbol = topic.groups()
    if symbol != instrument.symbol:
        refuse(Reason.WRONG_SYMBOL)
    if name in _LEFT:
        return Ignored(name)
    if name == "orderbook" and which is not None and _DEPTH.fullmatch(which):
        return _book(document, instrument, is_top=which == _TOP)
    if name in _READERS and which is None:
        return _READERS[name](document, instrument)
    return refuse(Reason.UNKNOWN_MESSAGE)


def contract_market(symbol: str) -> str:
    """Return the market of a contract: those that are settled in the coin end in USD, perhaps with a month."""
    return INVERSE if _INVERSE_SYMBOL.fullmatch(symbol) else LINEAR


def _check_market(instrument: Instrument, *, is_contract: bool) -> None:
    if (instrument.venue != SPOT) != is_contract:
        refuse(Reason.WRONG_MARKET)


def _data(message: Message, symbol_field: str, instrument: Instrument) -> Message:
    data = field(message, "data")
    if not isinstance(data, dict):
        refuse(Reason.WRONG_TYPE)
    return data if text(data, symbol_field) == instrument.symbol else refuse(Reason.WRONG_SYMBOL)


def _book(message: Message, instrument: Instrument, *, is_top: bool) -> Records:
    data, kind = _data(message, "s", instrument), text(message, "type")
    if kind not in {"snapshot", "delta"}:
        refuse(Reason.UNKNOWN_MESSAGE)
    bids, asks, number, seq = levels(data, "b"), levels(data, "a"), integer(data, "u"), integer(data, "seq")
    sent = time_ms(message, "ts")
    if is_top:
        return Ticker(seq=seq, bid=_standing(bids), ask=_standing(asks))
    return Depth(
        is_snapshot=kind == "snapshot",
        ts_event=time_ms(message, "cts") if "cts" in message else sent,
        seq_first=number,
        seq_last=number,
        seq_prev=None,
        bids=bids,
        asks=asks,
        seq_ticker=seq,
    )


def _standing(side: list[Level]) -> Level | None:
    return next((level for level in side if level[1].mantissa), None)


def _trades(message: Message, instrument: Instrument) -> Records:
    """Read trades; one that two parties agreed on outside the book (`BT`) is left out."""
    data = field(message, "data")
    if not isinstance(data, list) or not data:
        refuse(Reason.WRONG_TYPE)
    time_ms(message, "ts")
    trades = [trade for item in data if (trade := _trade(item, instrument)) is not None]
    return trades or Ignored("block trade")


def _trade(item: object, instrument: Instrument) -> Trade | None:
    if not isinstance(item, dict):
        refuse(Reason.WRONG_TYPE)
    if text(item, "s") != instrument.symbol:
        refuse(Reason.WRONG_SYMBOL)
    _check_market(instrument, is_contract=TICK_DIRECTION in item)
    side = text(item, "S")
    trade = Trade(
        ts_event=time_ms(item, "T"),
        trade_id=_trade_id(text(item, "i")),
        px=positive(field(item, "p")),
        sz=positive(field(item, "v")),
        is_sell=_SIDES[side] if side in _SIDES else refuse(Reason.UNKNOWN_MESSAGE),
    )
    return None if flag(item, "BT") else trade


def _trade_id(value: str) -> int | None:
    """Read the number of a trade on spot; contracts have random ids."""
    number = int(value) if _TRADE_ID.fullmatch(value) else None
    return number if number is not None and number <= INT64_MAX else None


def _ticker(message: Message, instrument: Instrument) -> Records:
    data = _data(message, "symbol", instrument)
    if SPOT_SIGN in data or data.keys() & CONTRACT_SIGNS:
        _check_market(instrument, is_contract=SPOT_SIGN not in data)
    seq = integer(message, "cs") if "cs" in message else None
    bid, ask = _best(data, "bid1"), _best(data, "ask1")
    return Ignored("tickers") if bid is None and ask is None else Ticker(seq, bid, ask)


def _best(data: Message, side: str) -> Level | None:
    """Read a side that is said in full; an empty text, or a price of 0, stands for an empty side."""
    px, sz = (text(data, key) if key in data else "" for key in (f"{side}Price", f"{side}Size"))
    level = (size(px), size(sz)) if px and sz else None
    return level if level and level[0].mantissa else None


_READERS: Final[Mapping[str, Callable[[Message, Instrument], Records]]] = MappingProxyType(
    {"publicTrade": _trades, "tickers": _ticker}
)
