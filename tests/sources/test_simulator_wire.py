import gzip
import re
from itertools import pairwise
from pathlib import Path

import pytest
from simulations import DAY, DEPTH, SNAPSHOT, TICKER, TRADE, Messages, captured, of_kind, parsed

PRICE = r"\d+\.\d{8}"
LEVELS = rf'\[(?:\["{PRICE}","{PRICE}"\](?:,(?!\])|(?=\])))*\]'
STREAM = rb'\{"stream":"simbtc@'
LINES = [
    STREAM + rb'depth@100ms","data":\{"e":"depthUpdate","E":\d{13},"s":"SIMBTC","U":\d+,"u":\d+,"b":LV,"a":LV\}\}',
    STREAM + rb'bookTicker","data":\{"u":\d+,"s":"SIMBTC","b":"PX","B":"PX","a":"PX","A":"PX"\}\}',
    STREAM + rb'trade","data":\{"e":"trade","E":\d{13},"s":"SIMBTC","t":\d+,"p":"PX","q":"PX","T":\d{13},'
    rb'"m":(?:true|false),"M":true\}\}',
    rb'\{"lastUpdateId":\d+,"bids":LV,"asks":LV\}',
]
LINE = re.compile(
    (rb"\d{19} (?:" + b"|".join(LINES) + rb")\n").replace(b"LV", LEVELS.encode()).replace(b"PX", PRICE.encode())
)


@pytest.fixture(scope="module")
def capture() -> bytes:
    return captured(minutes_per_day=3)[DAY]


@pytest.fixture(scope="module")
def messages(capture: bytes) -> Messages:
    return parsed(capture)


def test_every_line_has_the_bytes_the_venue_would_send(capture: bytes) -> None:
    assert [line for line in capture.splitlines(keepends=True) if not LINE.fullmatch(line)] == []


def test_lines_have_the_fields_of_a_real_capture_in_their_order(messages: Messages, shared_data: Path) -> None:
    with gzip.open(shared_data / "captures" / "binance" / "BTCUSDT" / "2024-08-08.jsonl.gz") as file:
        real = parsed(file.read())

    assert {tuple(message) for _, message in real} == {tuple(message) for _, message in messages}


def test_depth_ids_join_without_a_gap(messages: Messages) -> None:
    depths = of_kind(messages, *DEPTH)

    assert all(before["u"] + 1 == after["U"] for before, after in pairwise(depths))
    assert all(depth["U"] <= depth["u"] for depth in depths)


def test_trade_ids_are_consecutive_and_prices_and_sizes_positive(messages: Messages) -> None:
    trades = of_kind(messages, *TRADE)
    first = trades[0]["t"]

    assert list(range(first, first + len(trades))) == [trade["t"] for trade in trades]
    assert all(float(trade["p"]) > 0 and float(trade["q"]) > 0 for trade in trades)
    assert {True, False} == {trade["m"] for trade in trades}


def test_levels_are_listed_once_a_message_and_best_price_first(messages: Messages) -> None:
    for fields, bids, asks in ((DEPTH, "b", "a"), (SNAPSHOT, "bids", "asks")):
        for message in of_kind(messages, *fields):
            bid_px, ask_px = ([float(px) for px, _ in message[side]] for side in (bids, asks))
            assert bid_px == sorted(set(bid_px), reverse=True)
            assert ask_px == sorted(set(ask_px))


def test_the_first_snapshot_falls_inside_a_depth_message_and_is_late(messages: Messages) -> None:
    kinds = [tuple(message) for _, message in messages]
    seq = messages[kinds.index(SNAPSHOT)][1]["lastUpdateId"]
    overlapping = [depth for depth in of_kind(messages, *DEPTH) if depth["U"] <= seq + 1 <= depth["u"]]

    assert kinds.index(SNAPSHOT) > kinds.index(DEPTH)
    assert len(overlapping) == 1


def test_a_book_built_by_the_venues_rule_equals_every_ticker_at_its_id_and_never_crosses(messages: Messages) -> None:
    tickers = {message["u"]: message for message in of_kind(messages, *TICKER)}
    first = of_kind(messages, *SNAPSHOT)[0]
    book = [{float(px): float(sz) for px, sz in first[field]} for field in ("bids", "asks")]
    compared = 0
    for depth in of_kind(messages, *DEPTH):
        if depth["u"] <= first["lastUpdateId"]:
            continue
        for side, field in enumerate("ba"):
            book[side] |= {float(px): float(sz) for px, sz in depth[field]}
            book[side] = {px: sz for px, sz in book[side].items() if sz > 0}
        bid, ask = max(book[0]), min(book[1])
        assert bid < ask
        if ticker := tickers.get(depth["u"]):
            compared += 1
            expected = tuple(float(ticker[field]) for field in "bBaA")
            assert expected == (bid, book[0][bid], ask, book[1][ask])
    assert compared > 100


def test_a_later_snapshot_lies_between_the_books_before_and_after_its_depth_message(messages: Messages) -> None:
    first, *later = of_kind(messages, *SNAPSHOT)
    book = [{float(px): float(sz) for px, sz in first[field]} for field in ("bids", "asks")]
    depths = [depth for depth in of_kind(messages, *DEPTH) if depth["u"] > first["lastUpdateId"]]
    for snapshot in later:
        while depths[0]["u"] <= snapshot["lastUpdateId"]:
            depth = depths.pop(0)
            for side, field in enumerate("ba"):
                book[side] |= {float(px): float(sz) for px, sz in depth[field]}
        touched = {float(px) for field in "ba" for px, _ in depths[0][field]}
        for side, field in enumerate(("bids", "asks")):
            rebuilt = {px: sz for px, sz in book[side].items() if sz > 0 and px not in touched}
            sent = {float(px): float(sz) for px, sz in snapshot[field] if float(px) not in touched}
            assert sent == rebuilt
    assert len(later) == 2


def test_a_ticker_differs_from_the_one_before(messages: Messages) -> None:
    tops = [tuple(message.values())[2:] for message in of_kind(messages, *TICKER)]

    assert all(before != after for before, after in pairwise(tops))


def test_trades_happen_at_the_best_price_the_ticker_last_told(messages: Messages) -> None:
    top = None
    wrong = []
    for _, message in messages:
        if tuple(message) == TICKER:
            top = message
        elif tuple(message) == TRADE and top and message["p"] != top["b" if message["m"] else "a"]:
            wrong.append(message)

    assert wrong == []
