import pytest

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.strict import parse_json
from trading_assets.venues.coinbase import read
from trading_assets.venues.coinbase_lines import connection_number, market_of, symbol_of
from trading_assets.venues.wire import Depth, Ignored, Malformed, Number, Reason, Records, Ticker, Trade

PRODUCT = Instrument.parse("BTC-USD.COINBASE")
RECV = b"1786309548629007872 "
SENT = 1_786_309_548_228_568_804

MESSAGE = '{"channel":"%s","timestamp":"2026-08-09T21:05:48.228568804Z","sequence_num":7,"events":[%s]}'
BOOK = '{"type":"%s","product_id":"BTC-USD","updates":[%s]}'
LEVEL = '{"side":"%s","event_time":"%s","price_level":"10.5","new_quantity":"%s"}'
TRADE = '{"product_id":"BTC-USD","trade_id":"%d","price":"10.5","size":"2","time":"2026-08-09T21:05:48Z","side":"%s"}'
TICKER = (
    '{"type":"ticker","product_id":"BTC-USD","price":"1","best_bid":"%s","best_ask":"11","best_bid_quantity":"1",'
    '"best_ask_quantity":"2"}'
)
TICKERS = '{"type":"update","tickers":[%s]}'


def said(channel: str, *events: str) -> Records:
    return read(parse_json((MESSAGE % (channel, ",".join(events))).encode()), instrument=PRODUCT)


def book(kind: str, *levels: str) -> str:
    return BOOK % (kind, ",".join(levels))


def trades(kind: str, *items: str) -> str:
    return f'{{"type":"{kind}","trades":[{",".join(items)}]}}'


def test_an_update_has_the_connections_number_and_the_time_of_the_book() -> None:
    levels = (LEVEL % ("offer", "2026-08-09T21:05:48.1Z", "0"), LEVEL % ("bid", "2026-08-09T21:05:48.000001Z", "3"))

    assert said("l2_data", book("update", *levels)) == [
        Depth(
            is_snapshot=False,
            ts_event=SENT - 128_568_804,
            seq_first=7,
            seq_last=7,
            seq_prev=None,
            bids=[(Number(105, 1), Number(3, 0))],
            asks=[(Number(105, 1), Number(0, 0))],
        )
    ]


def test_a_book_whose_levels_have_no_time_has_that_of_its_message() -> None:
    for levels in ((), (LEVEL % ("bid", "1970-01-01T00:00:00Z", "3"),)):
        (snapshot,) = said("l2_data", book("snapshot", *levels))

        assert (True, SENT) == (snapshot.is_snapshot, snapshot.ts_event)


def test_trades_are_given_oldest_first_with_the_side_of_the_aggressor() -> None:
    assert said("market_trades", trades("update", TRADE % (9, "SELL"), TRADE % (8, "BUY"))) == [
        Trade(SENT - 228_568_804, 8, Number(105, 1), Number(2, 0), is_sell=True),
        Trade(SENT - 228_568_804, 9, Number(105, 1), Number(2, 0), is_sell=False),
    ]


def test_trades_from_before_the_connection_are_left() -> None:
    assert Ignored("market_trades snapshot") == said("market_trades", trades("snapshot", TRADE % (9, "SELL")))


def test_a_ticker_has_the_connections_number_and_an_empty_side_is_not_said() -> None:
    ask = Number(11, 0), Number(2, 0)

    assert [Ticker(7, None, ask)] == said("ticker", TICKERS % (TICKER % "0"))
    assert [Ticker(7, None, ask)] == said("ticker", TICKERS % (TICKER % ""))


@pytest.mark.parametrize("channel", ["heartbeats", "candles", "subscriptions", "ticker_batch"])
def test_what_nothing_reads_is_counted_by_its_channel(channel: str) -> None:
    assert Ignored(channel) == said(channel, "{}")


@pytest.mark.parametrize(
    ("reason", "channel", "event"),
    [
        (Reason.WRONG_SYMBOL, "l2_data", book("update").replace("BTC", "ETH")),
        (Reason.WRONG_SYMBOL, "ticker", TICKERS % TICKER.replace("BTC", "ETH") % "1"),
        (Reason.WRONG_SYMBOL, "market_trades", trades("update", TRADE.replace("BTC", "ETH") % (9, "SELL"))),
        (Reason.UNKNOWN_MESSAGE, "l2_data", book("patch")),
        (Reason.UNKNOWN_MESSAGE, "l2_data", book("update", LEVEL % ("ask", "2026-08-09T21:05:48Z", "1"))),
        (Reason.UNKNOWN_MESSAGE, "market_trades", trades("update", TRADE % (9, "sell"))),
        (Reason.UNKNOWN_MESSAGE, "news", "{}"),
        (Reason.OUT_OF_RANGE, "l2_data", book("update", LEVEL % ("bid", "2026-02-30T21:05:48Z", "1"))),
        (Reason.OUT_OF_RANGE, "l2_data", book("update", LEVEL % ("bid", "0001-01-01T00:00:00Z", "1"))),
        (Reason.WRONG_TYPE, "l2_data", book("update", LEVEL % ("bid", "yesterday", "1"))),
        (Reason.WRONG_TYPE, "l2_data", '"text"'),
    ],
)
def test_a_damaged_or_foreign_message_is_refused_with_its_reason(reason: Reason, channel: str, event: str) -> None:
    with pytest.raises(Malformed) as refused:
        said(channel, event)

    assert reason == refused.value.reason


def test_a_line_names_its_market_its_symbol_and_its_number_at_a_glance() -> None:
    of_product = RECV + (MESSAGE % ("l2_data", book("update"))).encode()
    of_none = RECV + (MESSAGE % ("heartbeats", "{}")).encode()

    assert ("COINBASE", "BTC-USD", 7) == (market_of(of_product), symbol_of(of_product), connection_number(of_product))
    assert ("COINBASE", None, 7) == (market_of(of_none), symbol_of(of_none), connection_number(of_none))
    assert (None, None, None) == (market_of(RECV), symbol_of(RECV), connection_number(RECV))
