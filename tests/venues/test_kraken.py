import pytest

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.strict import parse_json
from trading_assets.venues.kraken import read
from trading_assets.venues.kraken_lines import market_of, symbol_of
from trading_assets.venues.wire import Depth, Ignored, Malformed, Number, Reason, Records, Ticker, Trade

PAIR = Instrument.parse("XBT-USD.KRAKEN")
RECV = b"1618678134231139072 "


def said(text: str) -> Records:
    return read(parse_json(text.encode()), instrument=PAIR)


def test_an_update_of_both_sides_comes_in_two_payloads() -> None:
    update = said(
        '[320,{"a":[["10.50","1.000","1582905486.493008"]]},'
        '{"b":[["10.40","0.000","1582905487.5","r"]],"c":"974947235"},"book-10","XBT/USD"]'
    )

    assert update == Depth(
        is_snapshot=False,
        ts_event=1_582_905_487_500_000_000,
        seq_first=None,
        seq_last=None,
        seq_prev=None,
        bids=[(Number(104, 1), Number(0, 0))],
        asks=[(Number(105, 1), Number(1, 0))],
        max_levels=10,
        checksum=974_947_235,
        places=(2, 3),
    )


def test_a_snapshot_has_no_checksum_and_the_time_of_its_latest_level() -> None:
    text = '[0,{"as":[["10.50","1.000","1582905486.493008"]],"bs":[["10.40","2.000","1.5"]]},"book-1000","XBT/USD"]'
    snapshot = said(text)

    assert isinstance(snapshot, Depth)
    assert (True, None, 1000) == (snapshot.is_snapshot, snapshot.checksum, snapshot.max_levels)
    assert 1_582_905_486_493_008_000 == snapshot.ts_event


def test_a_line_may_hold_several_trades_without_ids() -> None:
    trades = said('[0,[["10.5","2","1.000001","s","m",""],["10.6","3","1.000002","b","l",""]],"trade","XBT/USD"]')

    assert trades == [
        Trade(1_000_001_000, None, Number(105, 1), Number(2, 0), is_sell=True),
        Trade(1_000_002_000, None, Number(106, 1), Number(3, 0), is_sell=False),
    ]


def test_a_ticker_has_no_id_to_compare_by() -> None:
    ticker = said('[0,{"a":["10.6",1,"1.5"],"b":["10.5",2,"2.5"],"c":["10.5","1"]},"ticker","XBT/USD"]')

    assert Ticker(None, (Number(105, 1), Number(25, 1)), (Number(106, 1), Number(15, 1))) == ticker


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("heartbeat", '{"event":"heartbeat"}'),
        ("subscriptionStatus", '{"event":"subscriptionStatus","pair":"XBT/USD","status":"subscribed"}'),
        ("spread", '[0,["1","2","3","4","5"],"spread","XBT/USD"]'),
        ("ohlc", '[0,["1"],"ohlc-5","XBT/USD"]'),
    ],
)
def test_what_nothing_reads_is_counted_by_its_kind(kind: str, text: str) -> None:
    assert Ignored(kind) == said(text)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.WRONG_SYMBOL, '[0,{"a":[],"c":"1"},"book-10","ETH/USD"]'),
        (Reason.WRONG_SYMBOL, '{"event":"subscriptionStatus","pair":"ETH/USD"}'),
        (Reason.UNKNOWN_MESSAGE, '[0,{"a":[],"c":"1"},"book-0","XBT/USD"]'),
        (Reason.UNKNOWN_MESSAGE, '[0,{"c":"1"},"book-10","XBT/USD"]'),
        (Reason.UNKNOWN_MESSAGE, '[0,{"as":[],"bs":[],"c":"1"},"book-10","XBT/USD"]'),
        (Reason.DUPLICATE_KEY, '[0,{"a":[]},{"a":[],"c":"1"},"book-10","XBT/USD"]'),
        (Reason.OUT_OF_RANGE, '[0,{"a":[],"c":"4294967296"},"book-10","XBT/USD"]'),
        (Reason.WRONG_TYPE, '[0,{"a":[["1","2","3.0","x"]],"c":"1"},"book-10","XBT/USD"]'),
        (Reason.ZERO, '[0,{"a":[["0.0","2","3.0"]],"c":"1"},"book-10","XBT/USD"]'),
        (Reason.NOT_A_NUMBER, '[0,{"a":[["1.0","2","3"]],"c":"1"},"book-10","XBT/USD"]'),
        (Reason.WRONG_TYPE, '[0,[["10.5","2","1.000001","S","m",""]],"trade","XBT/USD"]'),
        (Reason.UNKNOWN_MESSAGE, '{"event":"surprise"}'),
        (Reason.UNKNOWN_MESSAGE, '[0,{},"news","XBT/USD"]'),
        (Reason.UNKNOWN_MESSAGE, '"text"'),
    ],
)
def test_a_damaged_or_foreign_message_is_refused_with_its_reason(reason: Reason, text: str) -> None:
    with pytest.raises(Malformed) as refused:
        said(text)

    assert reason == refused.value.reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("KRAKEN", "XBT-USD"), b'[0,{"a":[],"c":"1"},"book-10","XBT/USD"]\n'),
        (("KRAKEN", "1INCH-EUR"), b'[0,[["1","1","1.0","b","l",""]],"trade","1INCH/EUR"]'),
        (("KRAKEN", "XBT-USD"), b'{"event":"subscriptionStatus","pair":"XBT/USD"}'),
        ((None, None), b'{"event":"heartbeat"}'),
        ((None, None), b'[0,{"a":[],"c":"1"},"book-10","XBT"]'),
    ],
)
def test_a_line_names_its_market_and_symbol_at_a_glance(name: tuple[str | None, str | None], text: bytes) -> None:
    assert name == (market_of(RECV + text), symbol_of(RECV + text))
