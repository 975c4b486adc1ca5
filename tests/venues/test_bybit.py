import numpy as np
import pytest

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.decode import decode, decode_strict
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scan import FastScan
from trading_assets.raw.decoding.strict import parse_json
from trading_assets.venues.bybit import read
from trading_assets.venues.bybit_lines import market_of, symbol_of
from trading_assets.venues.wire import Depth, Ignored, Malformed, Number, Reason, Records, Ticker, Trade

LINEAR = Instrument.parse("BTCUSDT.BYBIT_LINEAR")
SPOT = Instrument.parse("BTCUSDT.BYBIT_SPOT")
RECV = b"1786310819526356992 "

BOOK = (
    '{"topic":"orderbook.%s.BTCUSDT","type":"%s","ts":5,"data":{"s":"BTCUSDT","b":[["10.5","0"],["10.4","1"]],'
    '"a":[["11","2"]],"u":7,"seq":9},"cts":4}'
)
CONTRACT_TRADE = (
    '{"T":4,"s":"BTCUSDT","S":"Sell","v":"0.5","p":"10.5","L":"MinusTick",'
    '"i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":%s,"RPI":false,"seq":9}'
)
SPOT_TRADE = '{"i":"229","T":4,"p":"10.5","v":"0.5","S":"Buy","seq":9,"s":"BTCUSDT","BT":false,"RPI":false}'
TRADES = '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":5,"data":[%s]}'
TICKER = '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT",%s},"cs":9,"ts":5}'


def said(text: str, instrument: Instrument = LINEAR) -> Records:
    return read(parse_json(text.encode()), instrument=instrument)


def test_a_delta_has_its_number_the_engines_time_and_what_a_ticker_is_compared_with() -> None:
    assert said(BOOK % (200, "delta")) == Depth(
        is_snapshot=False,
        ts_event=4_000_000,
        seq_first=7,
        seq_last=7,
        seq_prev=None,
        bids=[(Number(105, 1), Number(0, 0)), (Number(104, 1), Number(1, 0))],
        asks=[(Number(11, 0), Number(2, 0))],
        seq_ticker=9,
    )


def test_a_book_of_one_level_is_a_ticker_of_the_level_that_stands() -> None:
    ticker = Ticker(9, (Number(104, 1), Number(1, 0)), (Number(11, 0), Number(2, 0)))

    assert ticker == said(BOOK % (1, "snapshot"))


def test_trades_of_contracts_have_no_ids_and_those_of_spot_numbers() -> None:
    sold = Trade(4_000_000, None, Number(105, 1), Number(5, 1), is_sell=True)
    bought = Trade(4_000_000, 229, Number(105, 1), Number(5, 1), is_sell=False)

    assert [sold, sold] == said(TRADES % ", ".join([CONTRACT_TRADE % "false"] * 2))
    assert [bought] == said(TRADES % SPOT_TRADE, SPOT)


def test_a_trade_beside_the_book_is_left_out() -> None:
    assert Ignored("block trade") == said(TRADES % (CONTRACT_TRADE % "true"))
    assert len(said(TRADES % ",".join([CONTRACT_TRADE % "true", CONTRACT_TRADE % "false"]))) == 1


def test_a_ticker_says_only_the_side_that_changed() -> None:
    bid = Number(105, 1), Number(2, 0)

    assert Ticker(9, bid, None) == said(TICKER % '"bid1Price":"10.50","bid1Size":"2"')
    assert Ticker(9, bid, None) == said(TICKER % '"bid1Price":"10.50","bid1Size":"2","ask1Price":"","ask1Size":""')
    assert Ignored("tickers") == said(TICKER % '"markPrice":"10.5"')
    assert Ignored("tickers") == said(TICKER % '"usdIndexPrice":"10.5"', SPOT)


@pytest.mark.parametrize(
    ("reason", "text", "instrument"),
    [
        (Reason.WRONG_MARKET, TRADES % SPOT_TRADE, LINEAR),
        (Reason.WRONG_MARKET, TRADES % (CONTRACT_TRADE % "false"), SPOT),
        (Reason.WRONG_MARKET, TICKER % '"usdIndexPrice":"10.5"', LINEAR),
        (Reason.WRONG_MARKET, TICKER % '"bid1Price":"1","bid1Size":"2"', SPOT),
        (Reason.WRONG_SYMBOL, BOOK.replace(".BTC", ".ETH") % (200, "delta"), LINEAR),
        (Reason.WRONG_SYMBOL, BOOK.replace('"BTC', '"ETH') % (200, "delta"), LINEAR),
        (Reason.UNKNOWN_MESSAGE, BOOK % ("0", "delta"), LINEAR),
        (Reason.UNKNOWN_MESSAGE, BOOK % (200, "patch"), LINEAR),
        (Reason.UNKNOWN_MESSAGE, '{"topic":"news.BTCUSDT"}', LINEAR),
        (Reason.UNKNOWN_MESSAGE, '{"op":"surprise"}', LINEAR),
        (Reason.WRONG_TYPE, TRADES % "", LINEAR),
        (Reason.WRONG_TYPE, TICKER % '"bid1Price":{},"bid1Size":"2"', LINEAR),
        (Reason.MISSING_FIELD, "{}", LINEAR),
    ],
)
def test_a_damaged_or_foreign_message_is_refused_with_its_reason(
    reason: Reason, text: str, instrument: Instrument
) -> None:
    with pytest.raises(Malformed) as refused:
        said(text, instrument)

    assert reason == refused.value.reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("BYBIT", "BTCUSDT"), BOOK % (200, "delta")),
        (("BYBIT_LINEAR", "BTCUSDT"), TICKER % '"fundingRate":"0.1"'),
        (("BYBIT_SPOT", "BTCUSDT"), TICKER % '"usdIndexPrice":"10.5"'),
        (("BYBIT_LINEAR", "BTCUSDT"), TRADES % (CONTRACT_TRADE % "false")),
        (("BYBIT_INVERSE", "BTCUSDH26"), TICKER.replace("BTCUSDT", "BTCUSDH26") % '"fundingRate":"0.1"'),
        (("BYBIT_SPOT", "BTCUSDT"), TRADES % SPOT_TRADE),
        ((None, None), '{"success":true,"ret_msg":"","conn_id":"1","op":"subscribe"}'),
    ],
)
def test_a_line_names_its_market_and_symbol_at_a_glance(name: tuple[str | None, str | None], text: str) -> None:
    line = RECV + text.encode()

    assert name == (market_of(line), symbol_of(line))


@pytest.mark.parametrize("side", ["bid", "ask", None])
def test_a_ticker_of_one_side_decodes_alike_fast_and_strictly(side: str | None) -> None:
    sides = [f'"{name}1Price":"10.50","{name}1Size":"0"' for name in ("bid", "ask") if side in {name, None}]
    lines = b"%s%s\n" % (RECV, (TICKER % ",".join(sides)).encode()) * 3
    rows = Rows()
    rows.begin(n_bytes=len(lines), line_no=0)
    FastScan(LINEAR)(lines, rows)

    assert len(lines) == rows.cursor[at.AT]
    fast, strict = decode([lines], instrument=LINEAR).tickers, decode_strict([lines], instrument=LINEAR).tickers
    assert strict.bid_px.tolist() == fast.bid_px.tolist()
    assert strict.ask_px.tolist() == fast.ask_px.tolist()
    assert ([9] * 3, 3) == (fast.seq.tolist(), np.count_nonzero(fast.ask_px if side == "ask" else fast.bid_px))
