import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode, decode_strict
from trading_assets.raw.messages import BUY, NO_SEQ, NO_SIDE, NO_TIME, PAUSED, RESUMED, SELL, SNAPSHOT, UPDATE
from trading_assets.venues import interchange
from trading_assets.venues.wire import Mark

ANY = Instrument.parse("BTC-PERPETUAL.DERIBIT")
PRICES = st.integers(1, 10**6).map(lambda n: f"{n / 4:.2f}")
LEVELS = st.lists(st.tuples(PRICES, PRICES), max_size=3)


def recorded(*lines: str) -> bytes:
    return b"".join(b"%d %s\n" % (1_723_161_255_030_314_667 + n, line.encode()) for n, line in enumerate(lines))


@given(LEVELS, LEVELS, st.booleans(), st.none() | st.integers(1, 2**62))
def test_a_book_that_was_written_is_read_back(bids: list, asks: list, is_snapshot: bool, ts: int | None) -> None:  # noqa: FBT001 - a parameter of the test
    book = decode([recorded(interchange.depth_line(ts, bids, asks, is_snapshot=is_snapshot))], instrument=ANY).book

    assert book.kind.tolist() == [SNAPSHOT if is_snapshot else UPDATE]
    assert book.ts_event.tolist() == [NO_TIME if ts is None else ts]
    assert book.is_ask.tolist() == [False] * len(bids) + [True] * len(asks)
    assert book.seq_last.tolist() == [NO_SEQ]


@pytest.mark.parametrize("side", ["buy", "sell", None])
@pytest.mark.parametrize("trade_id", [7, None])
def test_the_fast_decoder_reads_trades_as_the_strict_one(side: str | None, trade_id: int | None) -> None:
    line = recorded(interchange.trade_line(5, trade_id, "10.50", "2", side=side))
    fast, strict = decode([line], instrument=ANY).trades, decode_strict([line], instrument=ANY).trades

    assert fast.side.tolist() == strict.side.tolist() == [{"buy": BUY, "sell": SELL, None: NO_SIDE}[side]]
    assert fast.trade_id.tolist() == strict.trade_id.tolist() == [NO_SEQ if trade_id is None else trade_id]
    assert fast.px.tolist() == strict.px.tolist() == [10.5]


def test_marks_of_a_connection_keep_their_place_among_the_messages() -> None:
    lines = recorded(interchange.mark_line(Mark(7, None)), interchange.mark_line(Mark(None, 9)))
    book = decode([lines], instrument=ANY).book

    assert (book.kind.tolist(), book.seq_last.tolist()) == ([RESUMED, PAUSED], [7, 9])


def test_what_a_file_lacks_is_counted_and_not_decoded() -> None:
    messages = decode([recorded(interchange.source_line("lobster", ["trades"]))], instrument=ANY)

    assert messages.ignored == {"source": 1}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ('{"interchange":"update","bids":[],"asks":[]}', "missing field"),
        ('{"interchange":"update","ts_event":0,"bids":[],"asks":[]}', "number out of range"),
        ('{"interchange":"update","ts_event":1,"bids":[["1",2]],"asks":[]}', "wrong type"),
        ('{"interchange":"trade","ts_event":null,"id":1,"px":"1","sz":"1","side":"buy"}', "wrong type"),
        ('{"interchange":"trade","ts_event":1,"id":1,"px":"1","sz":"1","side":"up"}', "wrong type"),
        ('{"interchange":"trade","ts_event":1,"id":1,"px":"1","sz":"1","side":[]}', "wrong type"),
        ('{"interchange":"tick"}', "unknown message"),
        ('{"interchange":1}', "wrong type"),
    ],
)
def test_a_damaged_line_is_a_dead_letter(document: str, reason: str) -> None:
    assert [letter.reason for letter in decode([recorded(document)], instrument=ANY).dead_letters] == [reason]
