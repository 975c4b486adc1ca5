"""Binance lines at a glance, and the exact texts that a fast decoder may read without asking `binance.read`.

Belongs here: byte patterns. Does not: the meaning of a message (binance).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from trading_assets.identifiers import Instrument
from trading_assets.venues.binance import COINM, SPOT, USDM
from trading_assets.venues.wire import Template, TemplateKind

_SYMBOL: Final = re.compile(rb'"s(?:ymbol)?":"([A-Za-z0-9][A-Za-z0-9_-]*)"')
_STREAM: Final = re.compile(rb'"stream":"([a-z0-9][a-z0-9_-]*)@')
_COINM_SYMBOL: Final = re.compile(r"[A-Z0-9]+USD_(PERP|[0-9]{6})")
_FUTURES_SIGNS: Final = (b'"pu":', b'"X":', b'"e":"bookTicker"')
_SPOT_SIGNS: Final = (b'"e":"depthUpdate"', b'"e":"trade"', b'"M":')
_HEAD_BYTES: Final = 400
"""Everything but price levels stands at the front of a line."""


def symbol_of(line: bytes) -> str | None:
    """Name the symbol of a line at a glance; None where it does not say, as a REST snapshot of spot or USD-M."""
    head = line[:_HEAD_BYTES]
    match = _SYMBOL.search(head)
    if match is not None:
        return match[1].decode()
    match = _STREAM.search(head)
    return match[1].decode().upper() if match else None


def market_of(line: bytes) -> str | None:
    """Name the market of a line at a glance; None where it does not say, as a spot REST snapshot."""
    head = line[:_HEAD_BYTES]
    if b'"lastUpdateId":' in head:
        return _futures(head) if b'"E":' in head else None
    if any(sign in head for sign in _FUTURES_SIGNS):
        return _futures(head)
    is_bare_ticker = b'"e":' not in head and b'"u":' in head and b'"B":' in head
    return SPOT if is_bare_ticker or any(sign in head for sign in _SPOT_SIGNS) else None


def _futures(head: bytes) -> str:
    symbol = symbol_of(head)
    return COINM if symbol and _COINM_SYMBOL.fullmatch(symbol) else USDM


def templates(instrument: Instrument) -> tuple[Template, ...]:
    """List the messages of one instrument as Binance prints them, bare and as each of its streams wraps them."""
    return tuple(
        Template(kind, text)
        for kind, channels, body in _MESSAGES[instrument.venue]
        for text in _as_sent(_named(body, instrument.symbol), instrument.symbol, channels)
    )


def _named(body: str, symbol: str) -> str:
    return body.replace("SYMBOL", symbol).replace("PAIR", symbol.partition("_")[0])


def _as_sent(body: str, symbol: str, channels: tuple[str, ...]) -> Iterator[str]:
    yield body
    for channel in channels:
        yield f'{{"stream":"{symbol.lower()}@{channel}","data":{body}}}'


_TRADE: Final = ("trade",)
_TICKER: Final = ("bookTicker",)
_DEPTH: Final = ("depth@100ms", "depth@0ms", "depth", "depth@250ms", "depth@500ms")

_TOP: Final = '"b":"<bid_px>","B":"<bid_sz>","a":"<ask_px>","A":"<ask_sz>"'
_SPOT_DEPTH: Final = (
    '{"e":"depthUpdate","E":<ts_event>,"s":"SYMBOL","U":<seq_first>,"u":<seq_last>,"b":<bids>,"a":<asks>}'
)
_SPOT_TRADE: Final = '{"e":"trade","E":<ms>,"s":"SYMBOL","t":<trade_id>,"p":"<px>","q":"<traded_sz>",'
_SPOT_TRADE_END: Final = '"T":<ts_event>,"m":<is_sell>,"M":<bool>}'
_USDM_DEPTH: Final = (
    '{"e":"depthUpdate","E":<ms>,"T":<ts_event>,"s":"SYMBOL",'
    '"U":<seq_first>,"u":<seq_last>,"pu":<seq_prev>,"b":<bids>,"a":<asks>}'
)
_USDM_TRADE: Final = (
    '{"e":"trade","E":<ms>,"T":<ts_event>,"s":"SYMBOL","t":<trade_id>,"p":"<px>","q":"<traded_sz>",'
    '"X":"MARKET","m":<is_sell>}'
)
_USDM_TICKER: Final = '{"e":"bookTicker","u":<seq>,"s":"SYMBOL",' + _TOP + ',"T":<ms>,"E":<ms>}'
_MESSAGES: Final[Mapping[str, tuple[tuple[TemplateKind, tuple[str, ...], str], ...]]] = {
    SPOT: (
        ("ticker", _TICKER, '{"u":<seq>,"s":"SYMBOL",' + _TOP + "}"),
        ("trade", _TRADE, _SPOT_TRADE + _SPOT_TRADE_END),
        ("trade", _TRADE, _SPOT_TRADE + '"b":<id>,"a":<id>,' + _SPOT_TRADE_END),
        ("update", _DEPTH, _SPOT_DEPTH),
        ("snapshot", (), '{"lastUpdateId":<seq>,"bids":<bids>,"asks":<asks>}'),
    ),
    USDM: (
        ("ticker", _TICKER, _USDM_TICKER),
        ("trade", _TRADE, _USDM_TRADE),
        ("update", _DEPTH, _USDM_DEPTH),
        ("snapshot", (), '{"lastUpdateId":<seq>,"E":<ms>,"T":<ts_event>,"bids":<bids>,"asks":<asks>}'),
    ),
    COINM: (
        ("ticker", _TICKER, _USDM_TICKER.replace('"SYMBOL",', '"SYMBOL","ps":"PAIR",')),
        ("trade", _TRADE, _USDM_TRADE),
        ("update", _DEPTH, _USDM_DEPTH.replace('"SYMBOL",', '"SYMBOL","ps":"PAIR",')),
    ),
}
"""Market -> (kind, its streams, the message with holes)."""
