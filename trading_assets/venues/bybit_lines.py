"""Bybit lines at a glance, and the exact texts that a fast decoder may read without asking `bybit.read`.

Belongs here: byte patterns. Does not: the meaning of a message (bybit).
"""

import re
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.bybit import CONTRACT_SIGNS, SPOT, SPOT_SIGN, TICK_DIRECTION, UNTOLD, contract_market
from trading_assets.venues.wire import Template, TemplateKind

BOOKS: Final = re.compile(rb'"topic":"orderbook\.(?!1\.)([0-9]+)\.([A-Za-z0-9_-]+)"')

_TOPIC: Final = re.compile(rb'"topic":"([A-Za-z]+)\.(?:[A-Za-z0-9]+\.)?([A-Za-z0-9][A-Za-z0-9_-]*)"')
_CONTRACT: Final = {
    b"tickers": re.compile(b'"(?:%s)":' % b"|".join(sorted(sign.encode() for sign in CONTRACT_SIGNS))),
    b"publicTrade": re.compile(b'"%s":"[A-Z]' % TICK_DIRECTION.encode()),
}
_SPOT: Final = {
    b"tickers": re.compile(b'"%s":' % SPOT_SIGN.encode()),
    b"publicTrade": re.compile(rb'"i":"[0-9]+"'),
}


def symbol_of(line: bytes) -> str | None:
    """Name the symbol of a line at a glance; None where it does not say, as the answer to a subscription."""
    match = _TOPIC.search(line)
    return match[2].decode() if match else None


def market_of(line: bytes) -> str | None:
    """Name the market of a line at a glance, `UNTOLD` where it is Bybit's and does not say; None if it is not."""
    match = _TOPIC.search(line)
    if match is None:
        return None
    name, symbol = match[1], match[2].decode()
    if name in _CONTRACT and _CONTRACT[name].search(line):
        return contract_market(symbol)
    return SPOT if name in _SPOT and _SPOT[name].search(line) else UNTOLD


def templates(instrument: Instrument) -> tuple[Template, ...]:
    """List the messages of one instrument as Bybit prints them: spot and contracts in another order of fields."""
    is_spot = instrument.venue == SPOT
    head = _SPOT_HEAD if is_spot else _CONTRACT_HEAD
    trade = _SPOT_TRADE if is_spot else _CONTRACT_TRADE
    directions = ("",) if is_spot else _DIRECTIONS
    book = tuple(
        Template(kind, (head + _BOOK).replace("TOPIC", "orderbook.<depth>").replace("TYPE", sent))
        for kind, sent in _BOOK_KINDS
    )
    trades = tuple(
        Template(
            "trade",
            (head + trade)
            .replace("TOPIC", "publicTrade")
            .replace("TYPE", "snapshot")
            .replace("SIDE", side)
            .replace("DIRECTION", direction),
            is_sell=side == "Sell",
        )
        for direction in directions
        for side in ("Buy", "Sell")
    )
    tickers = () if is_spot else tuple(Template("ticker", _TICKER.replace("SIDES", sides)) for sides in _TICKER_SIDES)
    return tuple(
        template._replace(text=template.text.replace("SYMBOL", instrument.symbol))
        for template in (*book, *trades, *tickers)
    )


_BOOK_KINDS: Final[tuple[tuple[TemplateKind, str], ...]] = (("update", "delta"), ("snapshot", "snapshot"))
_DIRECTIONS: Final = ("ZeroPlusTick", "ZeroMinusTick", "PlusTick", "MinusTick")
_CONTRACT_HEAD: Final = '{"topic":"TOPIC.SYMBOL","type":"TYPE","ts":<ms>,'
_SPOT_HEAD: Final = '{"topic":"TOPIC.SYMBOL","ts":<ms>,"type":"TYPE",'
_BOOK: Final = '"data":{"s":"SYMBOL","b":<bids>,"a":<asks>,"u":<seq>,"seq":<seq_ticker>},"cts":<ts_event>}'
_CONTRACT_TRADE: Final = (
    '"data":[{"T":<ts_event>,"s":"SYMBOL","S":"SIDE","v":"<traded_sz>","p":"<px>","L":"DIRECTION","i":"<uuid>",'
    '"BT":false,"RPI":<bool>,"seq":<id>}]}'
)
_SPOT_TRADE: Final = (
    '"data":[{"i":"<trade_id>","T":<ts_event>,"p":"<px>","v":"<traded_sz>","S":"SIDE","seq":<id>,"s":"SYMBOL",'
    '"BT":false,"RPI":<bool>}]}'
)
_TICKER: Final = '{"topic":"tickers.SYMBOL","type":"delta","data":{"symbol":"SYMBOL",SIDES},"cs":<seq>,"ts":<id>}'
_BID: Final = '"bid1Price":"<bid_px>","bid1Size":"<bid_sz>"'
_ASK: Final = '"ask1Price":"<ask_px>","ask1Size":"<ask_sz>"'
_TICKER_SIDES: Final = (_BID, _ASK, f"{_BID},{_ASK}")
