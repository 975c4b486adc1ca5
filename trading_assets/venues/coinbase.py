"""How Coinbase's wire speaks: public channels of the Advanced Trade websocket.

Belongs here: Coinbase's field names and channels. Does not: bytes, clocks of the receiver, the book.

Sources: Coinbase Developer Documentation, "Advanced Trade WebSocket Channels" and "Overview". A message holds events
of one channel. `sequence_num` counts the messages of a *connection*, whatever channel or product they are of: so
nothing of one product's messages tells whether one of them was lost. It is checked when a file is landed, before its
lines are split by product, and what was found is written between them as `wire.Mark`.

- `l2_data` sends the whole book once, on subscription, and then sizes to set. All levels of a message have one
  `event_time`, when the book was so; `timestamp` is when the message was sent, some 20 to 300 ms later. So the former
  is `ts_event`, and the latter only where there is no level, or levels whose time is the epoch.
- `market_trades` lists the latest trade first. The first message of a product holds the hundred trades *before* the
  connection: they are left. Trade ids of a product rise by one.
- `side` of a trade is that of the order in the book, the maker's. The pages on channels do not say so; in a recording
  of 79 trades, all 77 that lie at or beyond the best price of one side name that side.
- `ticker` gives the best bid and ask as they were some time before it was sent, up to about 0.3 s.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.clocks import rfc3339
from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import (
    INT64_MAX,
    Depth,
    Ignored,
    Level,
    Reason,
    Record,
    Records,
    Ticker,
    Trade,
    field,
    integer,
    positive,
    refuse,
    size,
    text,
)

VENUE: Final = "COINBASE"
RULE: Final = Rule(updates="none", are_trades_consecutive=True, is_ticker_between=True, ticker_lag_ns=300_000_000)
NUMBER: Final = "sequence_num"

Message = Mapping[str, object]

_LEFT: Final = frozenset(
    {"candles", "heartbeats", "subscriptions", "status", "ticker_batch", "user", "futures_balance_summary"}
)
"""Channels that are counted and left. Any other name is a dead letter."""
_MAKER_SIDES: Final[Mapping[str, bool]] = {"BUY": True, "SELL": False}
"""Side of the order in the book -> whether the aggressor sold."""
_IS_SNAPSHOT: Final[Mapping[str, bool]] = {"snapshot": True, "update": False}
_BOOK_SIDES: Final = ("bid", "offer")
_HISTORY: Final = "market_trades snapshot"


def read(document: object, *, instrument: Instrument) -> Records:
    """Turn one parsed JSON message of `instrument` into what it says.

    Raises:
        Malformed: the message is damaged, unknown, or says something of another product.
    """
    if not isinstance(document, dict):
        refuse(Reason.UNKNOWN_MESSAGE)
    if document.get("type") == "error":
        return Ignored("error")
    channel = text(document, "channel")
    if channel in _LEFT:
        return Ignored(channel)
    if channel not in _READERS:
        refuse(Reason.UNKNOWN_MESSAGE)
    number, sent = integer(document, NUMBER), rfc3339(text(document, "timestamp"))
    events = _objects(document, "events")
    said = [record for event in events for record in _READERS[channel](event, instrument, (number, sent))]
    return said or Ignored(_HISTORY if channel == "market_trades" else channel)


def _objects(message: Message, key: str) -> list[Message]:
    value = field(message, key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        refuse(Reason.WRONG_TYPE)
    return value


def _check_product(message: Message, instrument: Instrument) -> None:
    if text(message, "product_id") != instrument.symbol:
        refuse(Reason.WRONG_SYMBOL)


def _is_snapshot(event: Message) -> bool:
    kind = text(event, "type")
    return _IS_SNAPSHOT[kind] if kind in _IS_SNAPSHOT else refuse(Reason.UNKNOWN_MESSAGE)


def _book(event: Message, instrument: Instrument, stamp: tuple[int, int]) -> Sequence[Record]:
    _check_product(event, instrument)
    number, sent = stamp
    sides: dict[str, list[Level]] = {side: [] for side in _BOOK_SIDES}
    times = set()
    for update in _objects(event, "updates"):
        side = text(update, "side")
        if side not in sides:
            refuse(Reason.UNKNOWN_MESSAGE)
        sides[side].append((positive(field(update, "price_level")), size(field(update, "new_quantity"))))
        times.add(text(update, "event_time"))
    bids, asks = sides.values()
    return [
        Depth(
            is_snapshot=_is_snapshot(event),
            ts_event=max(map(rfc3339, times), default=0) or sent,
            seq_first=number,
            seq_last=number,
            seq_prev=None,
            bids=bids,
            asks=asks,
        )
    ]


def _trades(event: Message, instrument: Instrument, _stamp: tuple[int, int]) -> Sequence[Record]:
    trades = [_trade(trade, instrument) for trade in reversed(_objects(event, "trades"))]
    return [] if _is_snapshot(event) else trades


def _trade(trade: Message, instrument: Instrument) -> Trade:
    _check_product(trade, instrument)
    side = text(trade, "side")
    return Trade(
        ts_event=rfc3339(text(trade, "time")) or refuse(Reason.OUT_OF_RANGE),
        trade_id=_trade_id(text(trade, "trade_id")),
        px=positive(field(trade, "price")),
        sz=positive(field(trade, "size")),
        is_sell=_MAKER_SIDES[side] if side in _MAKER_SIDES else refuse(Reason.UNKNOWN_MESSAGE),
    )


def _trade_id(value: str) -> int:
    number = size(value)
    is_id = not number.decimals and "." not in value and number.mantissa <= INT64_MAX
    return number.mantissa if is_id else refuse(Reason.WRONG_TYPE)


def _tickers(event: Message, instrument: Instrument, stamp: tuple[int, int]) -> Sequence[Record]:
    _is_snapshot(event)
    number, _ = stamp
    tickers = _objects(event, "tickers")
    for ticker in tickers:
        _check_product(ticker, instrument)
    return [Ticker(number, _best(ticker, "best_bid"), _best(ticker, "best_ask")) for ticker in tickers]


def _best(ticker: Message, side: str) -> Level | None:
    """Read a side; a price of 0, or none, is an empty side."""
    px, sz = text(ticker, side), text(ticker, f"{side}_quantity")
    level = (size(px), size(sz)) if px and sz else None
    return level if level and level[0].mantissa else None


_READERS: Final[Mapping[str, Callable[[Message, Instrument, tuple[int, int]], Sequence[Record]]]] = MappingProxyType(
    {"l2_data": _book, "market_trades": _trades, "ticker": _tickers}
)
