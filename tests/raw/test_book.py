"""What a message does to the book, and what a row shows of it."""

from datetime import date

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from wire_books import Line, capture, seconds, snapshot, tops, update

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.bits import add, at_or_below, discard, n_words
from trading_assets.raw.rebuilding.ladder import Ladder
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day
from trading_assets.raw.units import in_units


def book(*lines: Line, depth: int = 1, **scale: int) -> RawDay:
    return of(capture(lines, **scale), depth=depth)


def of(messages: Messages, *, depth: int = 1) -> RawDay:
    return rebuild_day(messages, None, day=date(2024, 8, 8), instrument=Instrument("X", "BINANCE"), depth=depth)


def side(frame: pl.DataFrame, name: schema.Side, *, depth: int) -> list[tuple[float | None, ...]]:
    return frame.select(schema.level(name, "px", n) for n in range(depth)).rows()


def test_a_row_shows_both_sides_from_the_best_price_outward() -> None:
    day = book(snapshot(0, 1, bids=[(98, 2), (99, 1)], asks=[(103, 4), (101, 3)]), depth=3)

    assert dict(schema.l2_snapshots(3)) == dict(day.snapshots.schema)
    assert [(e, 0.0, f, s, v) for e, _, f, s, v, *_ in day.snapshots.rows()] == [(None, 0.0, 1, 1, True)]
    assert side(day.snapshots, "bid", depth=3) == [(99.0, 98.0, None)]
    assert side(day.snapshots, "ask", depth=3) == [(101.0, 103.0, None)]


def test_an_update_sets_adds_and_removes_levels() -> None:
    lines = [update(1, 2, bids=[(99, 5)]), update(2, 3, bids=[(100, 1)]), update(3, 4, bids=[(100, 0)])]
    day = book(snapshot(0, 1), *lines)

    assert [row[2:4] for row in tops(day.snapshots)] == [(99, 1), (99, 5), (100, 1), (99, 5)]


def test_an_update_that_changes_nothing_makes_no_row_and_keeps_the_sequence() -> None:
    day = book(snapshot(0, 1), update(1, 2, bids=[(99, 1), (50, 0)]), update(2, 3, bids=[(99, 2)]))

    assert [(row[0], row[3]) for row in tops(day.snapshots)] == [(1, 1), (3, 2)]
    assert day.counts.used["depth_update"] == 2


def test_a_change_below_the_shown_levels_makes_a_row_of_its_own() -> None:
    day = book(snapshot(0, 1), update(1, 2, bids=[(50, 1)]))

    assert tops(day.snapshots) == [(1, True, 99, 1, 101, 1), (2, True, 99, 1, 101, 1)]


def test_a_snapshot_in_sequence_replaces_what_it_covers_and_keeps_what_lies_deeper() -> None:
    lines = [update(1, 2, bids=[(97, 3), (90, 9)]), snapshot(2, 2, bids=[(99, 4), (96, 6)])]
    day = book(snapshot(0, 1, bids=[(99, 1), (98, 2)]), *lines, depth=4)

    assert side(day.snapshots, "bid", depth=4)[-1] == (99.0, 96.0, 90.0, None)


def test_a_snapshot_after_a_break_replaces_everything() -> None:
    lines = [update(1, 5, bids=[(97, 3)]), snapshot(2, 6, bids=[(99, 4)])]
    day = book(snapshot(0, 1, bids=[(99, 1), (90, 2)]), *lines, depth=2)

    assert side(day.snapshots, "bid", depth=2)[-1] == (99.0, None)


def test_crossed_locked_and_one_sided_books_are_not_valid() -> None:
    lines = [update(1, 2, bids=[(102, 1)]), update(2, 3, bids=[(102, 0), (101, 1)]), update(3, 4, bids=[(101, 0)])]
    day = book(snapshot(0, 1), *lines, update(4, 5, asks=[(101, 0)]))

    assert day.snapshots[schema.IS_VALID].to_list() == [True, False, False, True, False]


def test_crossed_rows_are_one_interval_of_the_ledger() -> None:
    lines = [update(1, 2, bids=[(102, 1)]), update(2, 3, bids=[(50, 1)]), update(3, 4, bids=[(102, 0)])]
    gaps = book(snapshot(0, 1), *lines).gaps

    assert gaps.select(schema.CAUSE, schema.SEQ_BEFORE, schema.SEQ_AFTER).rows() == [("crossed", 1, 2)]
    assert [tuple(seconds(gaps, name) for name in (schema.TS_START, schema.TS_KNOWN, schema.TS_END))] == [
        ([1.0], [1.0], [3.0])
    ]


def test_rows_that_reach_deeper_than_any_snapshot_are_counted() -> None:
    start = snapshot(0, 1, bids=[(99, 1), (98, 1)], asks=[(101, 1)])
    day = book(start, update(1, 2, bids=[(90, 1)]), update(2, 3, bids=[(98, 0)]), depth=2)

    assert side(day.snapshots, "bid", depth=2) == [(99, 98), (99, 98), (99, 90)]
    assert day.findings.n_rows_beyond_snapshot == 1


def test_prices_and_sizes_do_not_depend_on_the_scale() -> None:
    coarse = book(snapshot(0, 1, bids=[(997, 3)], asks=[(1001, 7)]), px_decimals=1, sz_decimals=1)
    fine = book(snapshot(0, 1, bids=[(997 * 10**7, 300)], asks=[(1001 * 10**7, 700)]), px_decimals=8, sz_decimals=3)

    assert [(1, True, 99.7, 0.3, 100.1, 0.7)] == tops(coarse.snapshots) == tops(fine.snapshots)


@given(st.integers(0, 2**62), st.integers(0, 12), st.integers(0, 6))
def test_units_are_the_nearest_floats_at_any_scale(ticks: int, decimals: int, finer: int) -> None:
    expected = [ticks / 10**decimals]

    assert expected == in_units(np.array([ticks]), decimals).tolist()
    if ticks * 10**finer < 2**62:
        assert expected == in_units(np.array([ticks * 10**finer]), decimals + finer).tolist()


def test_a_price_from_another_planet_costs_no_memory() -> None:
    far = (9 * 10**18, 1)
    day = book(snapshot(0, 1, bids=[(1, 1), (2, 1)], asks=[(3, 1), far]), depth=2, px_decimals=8)

    assert side(day.snapshots, "bid", depth=2) == [(2e-8, 1e-8)]
    assert side(day.snapshots, "ask", depth=2) == [(3e-8, 9e10)]


@given(st.lists(st.lists(st.integers(1, 10**6), max_size=20), max_size=4), st.booleans(), st.integers(0, 3))
def test_ranks_are_those_of_the_sorted_prices_seen_so_far(parts: list[list[int]], is_wide: bool, decimals: int) -> None:  # noqa: FBT001 - a parameter of the test
    ladder, seen = Ladder(), set()
    for n, part in enumerate([*parts, [10**15] * is_wide]):
        px = in_units(np.array(part, dtype=np.int64), min(n, decimals))
        seen.update(px.tolist())
        ranks = ladder.ranks(px, decimals)

        assert sorted(seen) == ladder.px.tolist()
        assert px.tolist() == ladder.px[ranks].tolist()


@given(st.sets(st.integers(0, 20_000)), st.sets(st.integers(0, 20_000)), st.integers(-1, 20_000))
def test_a_set_of_bits_finds_the_next_member_below(members: set[int], leavers: set[int], place: int) -> None:
    words = np.zeros(n_words(20_001), np.uint64)
    groups = np.zeros(n_words(len(words)), np.uint64)
    for member in members:
        add(words, groups, member)
    for leaver in members & leavers:
        discard(words, groups, leaver)

    assert max((m for m in members - leavers if m <= place), default=-1) == at_or_below(words, groups, place)
