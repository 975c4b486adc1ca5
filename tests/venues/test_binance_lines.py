import gzip
from pathlib import Path

import pytest

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.venues.binance_lines import market_of, symbol_of, templates

SPOT, USDM, COINM = "BINANCE", "BINANCE_USDM", "BINANCE_COINM"

LINES = [
    (SPOT, "BTCUSDT", '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":[["10.5","1.0"]],"a":[]}'),
    (SPOT, "BTCUSDT", '{"e":"trade","E":2,"s":"BTCUSDT","t":3,"p":"10.5","q":"0.25","T":1,"m":true,"M":true}'),
    (SPOT, "BTCUSDT", '{"stream":"btcusdt@bookTicker","data":{"u":9,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}'),
    (None, None, '{"lastUpdateId":6,"bids":[["10.5","1"]],"asks":[]}'),
    (None, "BTCUSDT", '{"stream":"btcusdt@depth20","data":{"lastUpdateId":6,"bids":[["10.5","1"]],"asks":[]}}'),
    (USDM, "BTCUSDT", '{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[],"a":[]}'),
    (USDM, "ETHUSDT_240927", '{"e":"trade","E":2,"T":1,"s":"ETHUSDT_240927","t":3,"p":"1","q":"1","X":"NA","m":true}'),
    (USDM, "BTCUSDT", '{"e":"bookTicker","u":9,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1","T":1,"E":2}'),
    (USDM, None, '{"lastUpdateId":6,"E":2,"T":1,"bids":[],"asks":[]}'),
    (
        COINM,
        "BTCUSD_PERP",
        '{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSD_PERP","ps":"BTCUSD","U":5,"u":7,"pu":4,"b":[],"a":[]}',
    ),
    (
        COINM,
        "BTCUSD_240927",
        '{"e":"trade","E":2,"T":1,"s":"BTCUSD_240927","t":3,"p":"1","q":"1","X":"MARKET","m":true}',
    ),
    (COINM, "BTCUSD_PERP", '{"lastUpdateId":6,"E":2,"T":1,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[],"asks":[]}'),
    (None, None, '{"result":null,"id":1}'),
    (None, None, "garbage"),
]


@pytest.mark.parametrize(("market", "symbol", "document"), LINES)
def test_a_line_names_its_market_and_symbol_at_a_glance(market: str | None, symbol: str | None, document: str) -> None:
    line = b"1723161255030314667 " + document.encode()

    assert (market_of(line), symbol_of(line)) == (market, symbol)


@pytest.mark.parametrize("line", [b"", b"\xff\n", b'1 {"s":"\xff"}', b'1 {"s":"../x"}', b'1 {"stream":"!ticker@arr"}'])
def test_a_line_that_names_nothing_allowed_names_nothing(line: bytes) -> None:
    assert symbol_of(line) is None


@pytest.mark.parametrize(("market", "symbol", "document"), [line for line in LINES if line[0] and line[1]])
def test_a_line_decodes_only_in_the_market_it_names(market: str, symbol: str, document: str) -> None:
    line = b"1723161255030314667 " + document.encode()
    decoded = {venue: decode([line], instrument=Instrument(symbol, venue)) for venue in (SPOT, USDM, COINM)}

    assert [venue for venue, messages in decoded.items() if not messages.dead_letters] == _markets_of(market, document)


def _markets_of(market: str, document: str) -> list[str]:
    """Futures trades look alike in both futures markets: only the symbol tells them apart."""
    return [USDM, COINM] if '"trade"' in document and market != SPOT else [market]


def test_every_line_of_the_captures_names_its_own_market_and_symbol(shared_data: Path) -> None:
    for path in sorted((shared_data / "captures").glob("binance*/*/*.jsonl.gz")):
        lines = gzip.decompress(path.read_bytes()).splitlines()
        names = {(market_of(line), symbol_of(line)) for line in lines if b"lastUpdateId" not in line}

        assert names == {(path.parent.parent.name.upper(), path.parent.name)}


@pytest.mark.parametrize("venue", [SPOT, USDM, COINM])
def test_templates_name_only_their_instrument(venue: str) -> None:
    texts = [template.text for template in templates(Instrument("ETHUSD_PERP", venue))]

    assert len(texts) == len(set(texts))
    assert not [text for text in texts if "SYMBOL" in text or "PAIR" in text]


def test_a_venue_that_nothing_decodes_is_read_from_interchange_lines_only() -> None:
    venue_line = b'1723161255030314667 {"result":null,"id":1}\n'
    line = b'1723161255030314668 {"interchange":"snapshot","ts_event":1,"bids":[["10","1"]],"asks":[["11","1"]]}\n'
    messages = decode([venue_line + line], instrument=Instrument.parse("AAPL.NASDAQ"))

    assert ([letter.line_no for letter in messages.dead_letters], len(messages.book.line_no)) == ([0], 1)
