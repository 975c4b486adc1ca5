"""Trades: the venue's order, repeats, and ids that are missing."""

from dataclasses import replace

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from wire_books import Print, capture, seconds

from trading_assets import schema
from trading_assets.raw.messages import NO_SEQ
from trading_assets.raw.rebuilding.stream import WINDOW
from trading_assets.raw.rebuilding.trades import Tape, in_order


def taped(*lines: Print, window: int = WINDOW, **scale: int) -> tuple[pl.DataFrame, Tape]:
    """Rows and tape of trades that are handed over one by one."""
    tape = Tape(are_consecutive=True, window=window)
    rows = [pl.DataFrame(schema=schema.TRADES)]
    for n, line in enumerate(lines):
        trades = capture([line], **scale).trades
        rows += tape.push(replace(trades, line_no=trades.line_no + n))
    trades = pl.concat([*rows, *tape.flush()])
    return trades if tape.is_sorted else in_order(trades), tape


def frame(*lines: Print, **scale: int) -> pl.DataFrame:
    return taped(*lines, **scale)[0]


def gaps(*lines: Print) -> list[tuple[object, ...]]:
    rows = taped(*lines)[1].gaps()
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


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=20), st.integers(1, 4))
def test_trades_far_out_of_order_are_sorted_in_the_end(arrivals: list[tuple[int, int]], window: int) -> None:
    lines = [Print(n + ts / 100, trade_id) for n, (ts, trade_id) in enumerate(arrivals)]
    trades, tape = taped(*lines, window=window)

    assert trades[schema.TRADE_ID].to_list() == sorted({line.trade_id for line in lines})
    assert tape.n_lines + tape.n_repeated_lines == len(lines)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12) | st.just(NO_SEQ)), max_size=20), st.integers(1, 4))
def test_trades_with_and_without_ids_may_be_mixed(arrivals: list[tuple[int, int]], window: int) -> None:
    lines = [Print(n + ts / 100, trade_id) for n, (ts, trade_id) in enumerate(arrivals)]
    trades, tape = taped(*lines, window=window)
    numbered = {line.trade_id for line in lines} - {NO_SEQ}

    assert trades[schema.TRADE_ID].drop_nulls().to_list() == sorted(numbered)
    assert trades[schema.TRADE_ID].null_count() == sum(line.trade_id == NO_SEQ for line in lines)
    assert tape.n_lines + tape.n_repeated_lines == len(lines)


def test_trades_without_ids_stay_in_the_order_in_which_they_arrived() -> None:
    trades, tape = taped(Print(1, NO_SEQ, px=3), Print(2, NO_SEQ, px=1), Print(2, NO_SEQ, px=2), window=1)

    assert (trades[schema.PX].to_list(), trades[schema.TRADE_ID].null_count(), tape.has_ids) == ([3, 1, 2], 3, False)
