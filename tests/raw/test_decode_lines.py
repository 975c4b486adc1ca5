import itertools
import json

import numpy as np
import pytest
from decode_builders import (
    COINM,
    COINM_DEPTH,
    RECV,
    SPOT,
    SPOT_DEPTH,
    SPOT_SNAPSHOT,
    SPOT_TICKER,
    SPOT_TRADE,
    USDM,
    USDM_DEPTH,
    USDM_TRADE,
    capture,
    columns_of,
    reasons,
    wrapped,
)

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import NO_SEQ, NO_TIME, OverlongLine

AGG_TRADE = '{"e":"aggTrade","E":1,"s":"BTCUSDT","a":1,"p":"1","q":"1","f":1,"l":1,"T":1,"m":true}'


def test_a_depth_update_becomes_a_row_with_its_levels() -> None:
    book = decode([capture(USDM_DEPTH)], instrument=USDM).book

    assert book.ts_recv.tolist() == [1723161255030314667]
    assert book.ts_event.tolist() == [1_000_000]
    assert list(zip(book.seq_first.tolist(), book.seq_last.tolist(), book.seq_prev.tolist(), strict=True)) == [
        (5, 7, 4)
    ]
    assert book.offsets.tolist() == [0, 2]
    assert list(zip(book.is_ask.tolist(), book.px.tolist(), book.sz.tolist(), strict=True)) == [
        (False, 10.5, 0),
        (True, 11, 1),
    ]


def test_a_spot_snapshot_has_one_update_id_and_no_event_time() -> None:
    book = decode([capture(SPOT_SNAPSHOT)], instrument=SPOT).book

    assert book.is_snapshot.tolist() == [True]
    assert book.ts_event.tolist() == [NO_TIME]
    assert [book.seq_first[0], book.seq_last[0], book.seq_prev[0]] == [6, 6, NO_SEQ]


def test_a_trade_is_a_sell_when_the_buyer_was_the_maker() -> None:
    trades = decode([capture(SPOT_TRADE)], instrument=SPOT).trades

    assert trades.side.tolist() == [1]
    assert list(zip(trades.trade_id.tolist(), trades.px.tolist(), trades.sz.tolist(), strict=True)) == [(3, 10.5, 0.25)]


def test_a_ticker_keeps_the_update_id_that_books_are_compared_at() -> None:
    tickers = decode([capture(SPOT_TICKER)], instrument=SPOT).tickers

    assert tickers.seq.tolist() == [9]
    assert [tickers.bid_px[0], tickers.bid_sz[0], tickers.ask_px[0], tickers.ask_sz[0]] == [10.5, 1, 10.6, 2]


def test_fields_in_another_order_with_white_space_and_new_fields_say_the_same() -> None:
    fields = reversed(json.loads(SPOT_DEPTH).items())
    reordered = json.dumps({"new": {"x": [1.5, None]}, **dict(fields)}) + "\r"

    assert columns_of(decode([capture(SPOT_DEPTH)], instrument=SPOT)) == columns_of(
        decode([capture(reordered)], instrument=SPOT)
    )


def test_the_last_line_may_lack_its_line_feed() -> None:
    whole = capture(SPOT_TICKER, SPOT_TRADE)

    assert columns_of(decode([whole], instrument=SPOT)) == columns_of(decode([whole[:-1]], instrument=SPOT))


@pytest.mark.parametrize(
    ("kind", "instrument", "message"),
    [
        ("aggTrade", SPOT, AGG_TRADE),
        ("aggTrade", SPOT, wrapped(AGG_TRADE, "btcusdt@aggTrade")),
        ("reply", SPOT, '{"result":null,"id":1}'),
        ("error", SPOT, '{"error":{"code":2,"msg":"no"},"id":1}'),
        ("24hrTicker", SPOT, wrapped('[{"e":"24hrTicker","s":"ETHUSDT"},{"e":"24hrTicker"}]', "!ticker@arr")),
        ("markPriceUpdate", USDM, '{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1"}'),
        ("trade INSURANCE_FUND", USDM, USDM_TRADE.replace("MARKET", "INSURANCE_FUND")),
        ("trade NA", USDM, USDM_TRADE.replace("MARKET", "NA").replace('"10.5"', '"0"')),
        ("partialDepth", SPOT, wrapped(SPOT_SNAPSHOT, "btcusdt@depth20@100ms")),
        ("partialDepth", USDM, wrapped(USDM_DEPTH, "btcusdt@depth5")),
        ("rpiDepth", USDM, wrapped(USDM_DEPTH, "btcusdt@rpiDepth@500ms")),
    ],
)
def test_a_message_of_a_kind_that_is_not_read_is_counted_under_its_name(
    kind: str, instrument: Instrument, message: str
) -> None:
    messages = decode([capture(message)], instrument=instrument)

    assert ({kind: 1}, ()) == (messages.ignored, messages.dead_letters)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("empty line", b""),
        ("no receive time", b"{}"),
        ("no receive time", b"12"),
        ("no receive time", b"-5 {}"),
        ("no receive time", b"\xd9\xa1 {}"),
        ("no receive time", b"12345678901234567890 {}"),
        ("receive time out of range", b"0 {}"),
        ("receive time out of range", b"9223372036854775808 {}"),
        ("not JSON", b"1 "),
        ("not JSON", b"1 {"),
        ("not JSON", b"1 {}{}"),
        ("not JSON", b"1 {\0}"),
        ("not JSON", b'1 {"a":NaN}'),
        ("not JSON", b'1 {"a":01}'),
        ("not JSON", b'1 \xef\xbb\xbf{"a":1}'),
        ("not UTF-8", b'1 {"a":"\xff"}'),
        ("not UTF-8", b'1 {"a":"\xed\xa0\x80"}'),
        ("nested too deep", b"1 " + b"[" * 100_000),
        ("nested too deep", b"1 " + b'{"a":[' * 50_000 + b"]}" * 50_000),
        ("duplicate key", b'1 {"a":1,"\\u0061":1}'),
        ("unknown message", b"1 null"),
        ("unknown message", b"1 []"),
        ("unknown message", b'1 {"e":"depthUpdatf"}'),
        ("unknown message", b'1 {"e":"\\ud800"}'),
        ("wrong type", b'1 {"e":null}'),
        ("wrong type", b'1 {"stream":1,"data":{}}'),
    ],
)
def test_a_line_that_is_no_message_is_a_dead_letter(reason: str, line: bytes) -> None:
    assert [reason] == reasons(decode([line + b"\n"], instrument=SPOT))


@pytest.mark.parametrize(
    ("reason", "old", "new"),
    [
        ("missing field", '"U":5,', ""),
        ("missing field", ',"a":[]', ""),
        ("wrong type", '"U":5', '"U":"5"'),
        ("wrong type", '"U":5', '"U":5.0'),
        ("wrong type", '"U":5', '"U":true'),
        ("wrong type", '"10.5"', "10.5"),
        ("wrong type", '"a":[]', '"a":{}'),
        ("wrong type", '["10.5","1.0"]', '["10.5"]'),
        ("negative number", '"U":5', '"U":-5'),
        ("negative number", '"1.0"', '"-1.0"'),
        ("number out of range", '"u":7', '"u":9223372036854775808'),
        ("number out of range", '"u":7', '"u":' + "7" * 400),
        ("number out of range", '"E":1723161255208', '"E":1723161255208000'),
        ("number out of range", '"1.0"', '"1.0000000000001"'),
        ("number out of range", '"1.0"', '"1234567890123456789"'),
        ("number out of range", '"1.0"', f'"{"1" * 400}"'),
        ("not a decimal number", '"1.0"', '"1e5"'),
        ("not a decimal number", '"1.0"', '"01.0"'),
        ("not a decimal number", '"1.0"', '"1."'),
        ("not a decimal number", '"1.0"', '"\u0661"'),
        ("not a decimal number", '"1.0"', '""'),
        ("zero price or trade size", '"10.5"', '"0.00"'),
        ("last update id before first", '"u":7', '"u":4'),
        ("wrong symbol", "BTCUSDT", "ETHUSDT"),
        ("wrong symbol", '"s":"BTCUSDT"', '"s":null'),
        ("wrong market", '"u":7', '"u":7,"pu":4'),
    ],
)
def test_a_damaged_field_makes_its_message_a_dead_letter(reason: str, old: str, new: str) -> None:
    messages = decode([capture(SPOT_TICKER, SPOT_DEPTH.replace(old, new))], instrument=SPOT)

    assert [(1, reason)] == [(letter.line_no, letter.reason) for letter in messages.dead_letters]
    assert len(messages.book.px) == 0


@pytest.mark.parametrize(
    ("instrument", "message"),
    [
        (USDM, SPOT_DEPTH),
        (USDM, SPOT_TICKER),
        (USDM, SPOT_TRADE),
        (USDM, SPOT_SNAPSHOT),
        (USDM, COINM_DEPTH.replace("BTCUSD_PERP", "BTCUSDT")),
        (SPOT, USDM_TRADE),
        (COINM, USDM_DEPTH.replace("BTCUSDT", "BTCUSD_PERP")),
    ],
)
def test_a_message_of_another_market_is_a_dead_letter(instrument: Instrument, message: str) -> None:
    assert reasons(decode([capture(message)], instrument=instrument)) == ["wrong market"]


@pytest.mark.parametrize(
    ("reason", "stream"),
    [("wrong symbol", "ethusdt@depth"), ("unknown message", "btcusdt@trade"), ("unknown message", "btcusdt@depth@9s")],
)
def test_a_stream_that_contradicts_its_message_makes_a_dead_letter(reason: str, stream: str) -> None:
    assert [reason] == reasons(decode([capture(wrapped(SPOT_DEPTH, stream))], instrument=SPOT))


def test_a_dead_letter_says_where_its_bytes_are() -> None:
    recorded = [capture(SPOT_TICKER) + b"\n", capture(SPOT_TRADE) + b"bad \xff\n", b"worse"]
    letters = decode(recorded, instrument=SPOT).dead_letters

    assert [letter.line_no for letter in letters] == [1, 3, 4]
    assert [letter.raw for letter in letters] == [b"\n", b"bad \xff\n", b"worse"]
    assert all(b"".join(recorded)[x.offset : x.offset + x.n_bytes] == x.raw for x in letters)


def test_an_overlong_line_is_counted_and_moves_the_offsets() -> None:
    messages = decode([OverlongLine(RECV + b"{", 5_000_000), b"bad\n"], instrument=SPOT)

    assert reasons(messages) == ["line too long", "no receive time"]
    assert [letter.offset for letter in messages.dead_letters] == [0, 5_000_000]
    assert messages.n_lines == 2


def test_a_line_of_64_mb_keeps_only_its_first_bytes() -> None:
    line = RECV + b'{"e":"' + b"x" * 2**26 + b'"}\n'
    (letter,) = decode([line + capture(SPOT_TICKER)], instrument=SPOT).dead_letters

    assert ("line too long", len(line), 65_536) == (letter.reason, letter.n_bytes, len(letter.raw))


def test_a_sound_line_over_the_limit_is_a_dead_letter_too() -> None:
    bids = ",".join(['["10.5","1.0"]'] * (MAX_LINE_BYTES // 15 + 1))

    assert reasons(decode([capture(SPOT_DEPTH.replace('["10.5","1.0"]', bids))], instrument=SPOT)) == ["line too long"]


@pytest.mark.parametrize("seed", range(5))
def test_binary_garbage_ends_in_dead_letters(seed: int) -> None:
    garbage = np.random.default_rng(seed).bytes(200_000)
    messages = decode([garbage], instrument=SPOT)

    assert messages.n_lines == len(messages.dead_letters) == len(garbage.split(b"\n"))


@pytest.mark.parametrize("chunk", [b"\n" * 50_000, (b"x" * 65_535 + b"\n") * 16], ids=["lines", "bytes"])
def test_a_flood_of_dead_letters_is_refused_before_it_fills_memory(chunk: bytes) -> None:
    flood = itertools.repeat(chunk)

    with pytest.raises(NotACapture, match=r"cannot be decoded as BTCUSDT\.BINANCE"):
        decode(flood, instrument=SPOT)


def test_nothing_decodes_to_nothing() -> None:
    messages = decode([], instrument=SPOT)

    assert (
        messages.n_lines,
        messages.px_decimals,
        len(messages.book.px),
        messages.book.offsets.tolist(),
    ) == (0, 0, 0, [0])
