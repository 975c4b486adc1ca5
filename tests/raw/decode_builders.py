"""Lines of a capture and what decoding them gave, in forms that compare and read well."""

import gzip
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import Messages

SPOT = Instrument.parse("BTCUSDT.BINANCE")
USDM = Instrument.parse("BTCUSDT.BINANCE_USDM")
COINM = Instrument.parse("BTCUSD_PERP.BINANCE_COINM")
RECV = b"1723161255030314667 "

SPOT_DEPTH = '{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":5,"u":7,"b":[["10.5","1.0"]],"a":[]}'
SPOT_TICKER = '{"u":9,"s":"BTCUSDT","b":"10.50000000","B":"1.00000000","a":"10.6","A":"2"}'
SPOT_TRADE = '{"e":"trade","E":2,"s":"BTCUSDT","t":3,"p":"10.5","q":"0.25","T":1,"m":true,"M":true}'
SPOT_SNAPSHOT = '{"lastUpdateId":6,"bids":[["10.5","1"]],"asks":[["10.6","2"]]}'
USDM_DEPTH = '{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[["10.5","0"]],"a":[["11","1"]]}'
USDM_TICKER = '{"e":"bookTicker","u":9,"s":"BTCUSDT","b":"10.5","B":"1","a":"10.6","A":"2","T":1,"E":2}'
USDM_TRADE = '{"e":"trade","E":2,"T":1,"s":"BTCUSDT","t":3,"p":"10.5","q":"1","X":"MARKET","m":false}'
USDM_SNAPSHOT = '{"lastUpdateId":6,"E":2,"T":1,"bids":[["10.5","1"]],"asks":[["10.6","2"]]}'
COINM_DEPTH = (
    '{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSD_PERP","ps":"BTCUSD","U":5,"u":7,"pu":4,"b":[["10.5","3"]],"a":[]}'
)
COINM_TICKER = (
    '{"e":"bookTicker","u":9,"s":"BTCUSD_PERP","ps":"BTCUSD","b":"10.5","B":"1","a":"10.6","A":"2","T":1,"E":2}'
)
COINM_TRADE = '{"e":"trade","E":2,"T":1,"s":"BTCUSD_PERP","t":3,"p":"10.5","q":"1","X":"MARKET","m":false}'
COINM_SNAPSHOT = (
    '{"lastUpdateId":6,"E":2,"T":1,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[["10.5","1"]],"asks":[["10.6","2"]]}'
)


def capture(*documents: str) -> bytes:
    """A capture of these messages, one nanosecond apart."""
    first = int(RECV)
    return b"".join(b"%d %s\n" % (first + n, document.encode()) for n, document in enumerate(documents))


def wrapped(document: str, stream: str) -> str:
    return f'{{"stream":"{stream}","data":{document}}}'


def binance_captures(shared_data: Path) -> list[tuple[Instrument, bytes]]:
    """Every Binance capture at hand: whose it is, and its bytes."""
    files = sorted((shared_data / "captures").glob("binance*/*/*.jsonl.gz"))
    named = [(Instrument(path.parent.name, path.parent.parent.name.upper()), path) for path in files]
    return [(instrument, gzip.decompress(path.read_bytes())) for instrument, path in named]


def columns_of(messages: Messages) -> dict[str, Any]:
    """Everything a decoder gave, as plain values: arrays as (dtype, list)."""
    return {column.name: _plain(getattr(messages, column.name)) for column in fields(messages)}


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.tolist()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {column.name: _plain(getattr(value, column.name)) for column in fields(value)}
    return value


def reasons(messages: Messages) -> list[str]:
    return [letter.reason for letter in messages.dead_letters]


def n_accounted(messages: Messages) -> int:
    """Lines that ended somewhere; every line of a capture must."""
    parts = (messages.book, messages.trades, messages.tickers)
    used: Iterable[int] = (len(set(part.line_no.tolist())) for part in parts)  # a line may say several things
    return sum(used) + sum(messages.ignored.values()) + len(messages.dead_letters)
