"""A day put together: every line accounted for, and yesterday's book carried over."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_books import recordings
from polars.testing import assert_frame_equal
from wire_books import Best, Depth, Line, Print, capture, joined, linked, ns, snapshot, tops, update

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import NO_SIDE, Messages
from trading_assets.raw.rebuilding.rebuild import begins_without_book
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

TODAY = date(2024, 8, 9)
NIGHT = 86_400.0
SPOT = Instrument("X", "BINANCE")


def rebuilt(today: Messages, yesterday: Messages | None = None, *, instrument: Instrument = SPOT) -> RawDay:
    return rebuild_day(today, yesterday, day=TODAY, instrument=instrument, depth=3)


def of_today(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col(schema.TS_RECV) >= pl.lit(ns(NIGHT)).cast(schema.TIME))


def test_every_line_has_one_fate() -> None:
    lines = [update(0, 1), snapshot(1, 1), update(2, 2), update(2, 2), Print(3, 7), Print(4, 7), Best(5, 2)]
    counts = rebuilt(replace(capture(lines, dead=["not JSON"]), n_lines=10, ignored={"kline": 2})).counts

    assert counts.used == {"depth_update": 1, "snapshot": 1, "trade": 1, "ticker": 1}
    assert (counts.ignored, counts.n_duplicates, counts.n_dead_letters) == ({"kline": 2, "before_snapshot": 1}, 2, 1)
    assert 10 == counts.n_lines == counts.n_accounted


@settings(max_examples=60, deadline=None)
@given(recordings(is_futures=True))
def test_counts_add_up_whatever_arrives(lines: list[Depth]) -> None:
    counts = rebuilt(capture(lines), instrument=Instrument("X", "BINANCE_USDM")).counts

    assert len(lines) == counts.n_lines == counts.n_accounted


def test_what_trades_do_not_say_is_counted_of_those_that_are_left() -> None:
    messages = capture([Print(n, trade_id) for n, trade_id in enumerate([7, 8, 9, 7])])
    trades = replace(messages.trades, side=np.full(4, NO_SIDE, np.int8))
    day = rebuild_day(replace(messages, trades=trades), None, day=TODAY, instrument=SPOT, depth=3, window=1)

    assert (len(day.trades), day.counts.n_duplicates) == (3, 1)
    assert (day.findings.n_trades, day.findings.n_trades_without_side, day.findings.n_trades_without_id) == (3, 3, 0)


def test_an_empty_day_is_a_day_without_rows() -> None:
    day = rebuilt(capture([]))

    assert [len(frame) for frame in (day.snapshots, day.trades, day.gaps, day.tickers)] == [0, 0, 0, 0]
    assert dict(schema.l2_snapshots(3)) == dict(day.snapshots.schema)
    assert day.findings.clock_skew == {"n_skew": 0}


def test_dead_letters_keep_their_bytes_and_reason() -> None:
    letters = rebuilt(capture([], dead=["not JSON"])).findings.dead_letters

    assert dict(letters.schema) == schema.DEAD_LETTERS
    assert letters.rows() == [(0, 0, 1, "not JSON", b"?")]


def test_a_day_that_begins_with_a_snapshot_never_looks_at_yesterday() -> None:
    today = capture([snapshot(NIGHT, 20), update(NIGHT + 1, 21, bids=[(98, 1)])])
    yesterday = capture([snapshot(0, 10, bids=[(95, 5)]), update(1, 11, 20)])

    assert not begins_without_book([today])
    assert_frame_equal(rebuilt(today).snapshots, rebuilt(today, yesterday).snapshots)


def test_a_day_that_begins_with_an_update_begins_without_book() -> None:
    assert begins_without_book([capture([update(NIGHT, 20), snapshot(NIGHT + 1, 20)])])
    assert not begins_without_book([capture([Print(NIGHT, 1)])])


def test_yesterday_gives_its_book_and_no_rows() -> None:
    yesterday = capture([snapshot(0, 10, bids=[(99, 1), (95, 5)]), update(1, 11, bids=[(98, 2)])])
    day = rebuilt(capture([update(NIGHT, 12, bids=[(99, 0)])]), yesterday)

    assert tops(day.snapshots) == [(12, True, 98, 2, 101, 1)]
    assert day.snapshots.select("bid_px_00", "bid_px_01").rows() == [(98.0, 95.0)]
    assert day.counts.n_accounted == 1


def test_yesterday_may_count_its_ticks_in_other_decimals() -> None:
    yesterday = capture([snapshot(0, 10, bids=[(99, 1), (95, 5)])])
    today = capture([update(NIGHT, 11, bids=[(9900, 0), (9550, 25)])], px_decimals=2, sz_decimals=1)

    assert tops(rebuilt(today, yesterday).snapshots) == [(11, True, 95.5, 2.5, 101, 1)]


def test_yesterday_in_ticks_that_would_overflow_today_is_still_exact() -> None:
    yesterday = capture([snapshot(0, 10, bids=[(99, 1)], asks=[(101, 1), (9 * 10**17, 1)])])
    today = capture([update(NIGHT, 11, bids=[(9900, 3)], asks=[(10100, 0)])], px_decimals=2)

    assert tops(rebuilt(today, yesterday).snapshots) == [(11, True, 99, 3, 9e17, 1)]


def test_a_gap_that_is_open_at_midnight_is_todays_too() -> None:
    yesterday = capture([snapshot(0, 10), update(1, 12), update(2, 11), update(3, 14)])
    gaps = rebuilt(capture([update(NIGHT, 15), snapshot(NIGHT + 1, 15)]), yesterday).gaps

    assert gaps.select(schema.CAUSE, schema.SEQ_BEFORE, schema.SEQ_AFTER).rows() == [("sequence_gap", 12, 14)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_day_equals_its_part_of_one_rebuild_over_both(data: st.DataObject) -> None:
    lines: list[Line] = sorted(data.draw(recordings(is_futures=False)), key=lambda x: x.ts)
    cut = data.draw(st.integers(0, len(lines)))
    late = [replace(line, ts=line.ts + NIGHT) for line in lines[cut:]]
    yesterday, today = capture(lines[:cut]), capture(late)

    if begins_without_book([today]):
        whole = of_today(rebuilt(joined(yesterday, today)).snapshots)
        assert_frame_equal(whole, rebuilt(today, yesterday).snapshots)


def test_tickers_are_evidence_in_the_venues_units() -> None:
    tickers = rebuilt(capture([Best(1, 7, (9950, 1, 9960, 2))], px_decimals=2)).tickers

    assert tickers.drop(schema.TS_RECV).rows() == [(7, 99.5, 1.0, 99.6, 2.0)]


def test_a_futures_book_carries_over_by_its_links() -> None:
    yesterday = capture([snapshot(0, 10), linked(1, (8, 9, 14))])
    today = capture([linked(NIGHT, (14, 20, 25), bids=[(99, 3)])])

    assert tops(rebuilt(today, yesterday, instrument=Instrument("X", "BINANCE_COINM")).snapshots) == [
        (25, True, 99, 3, 101, 1)
    ]
