"""Trades: the venue's order, repeats, and ids that are missing."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from wire_books import Print, capture, seconds

from trading_assets import schema
from trading_assets.raw.rebuilding.trades import trade_gaps, trades_frame


def frame(*lines: Print, px_decimals: int = 0, sz_decimals: int = 0) -> pl.DataFrame:
    return trades_frame(capture(lines).trades, px_decimals=px_decimals, sz_decimals=sz_decimals)


def gaps(*lines: Print) -> list[tuple[object, ...]]:
    rows = trade_gaps(capture(lines).trades)
    times = (seconds(rows, name) for name in (schema.TS_START, schema.TS_KNOWN, schema.TS_END))
    return list(zip(*times, rows[schema.SEQ_BEFORE], rows[schema.SEQ_AFTER], rows[schema.CAUSE], strict=True))


def test_a_trade_shows_price_size_and_who_was_in_a_hurry() -> None:
    trades = frame(Print(1, 7, 12345, 25, is_sell=True), px_decimals=2, sz_decimals=1)

    assert dict(trades.schema) == schema.TRADES
    assert trades.drop(schema.TS_EVENT, schema.TS_RECV).rows() == [(7, 123.45, 2.5, "sell")]
    assert [1.0] == seconds(trades, schema.TS_RECV) == seconds(trades, schema.TS_EVENT)


def test_trades_are_in_order_of_their_ids_and_keep_their_times() -> None:
    trades = frame(Print(2, 8), Print(1, 9), Print(3, 7))

    assert trades[schema.TRADE_ID].to_list() == [7, 8, 9]
    assert seconds(trades, schema.TS_RECV) == [3.0, 2.0, 1.0]


def test_of_repeated_ids_the_first_to_arrive_counts() -> None:
    trades = frame(Print(2, 7, px=101), Print(1, 7, px=100))

    assert trades[schema.PX].to_list() == [100.0]


def test_an_id_that_is_skipped_is_a_gap_known_when_the_next_one_arrives() -> None:
    assert gaps(Print(1, 7), Print(2, 10), Print(3, 11)) == [(1.0, 2.0, 2.0, 7, 10, "trade_gap")]


def test_a_late_trade_was_missing_and_closes_nothing_after_the_fact() -> None:
    assert gaps(Print(1, 7), Print(3, 8), Print(2, 9), Print(4, 10)) == [(1.0, 2.0, 2.0, 7, 9, "trade_gap")]


@given(st.lists(st.integers(0, 9), max_size=20))
def test_ids_without_holes_have_no_gap(repeats: list[int]) -> None:
    in_order = [Print(i, i) for i in range(10)]

    assert gaps(*in_order, *(Print(10 + i, trade_id) for i, trade_id in enumerate(repeats))) == []
