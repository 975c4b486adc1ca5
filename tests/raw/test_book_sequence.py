"""The venue's synchronisation rule, on recordings of a few messages."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from wire_books import Line, capture, linked, seconds, snapshot, tops, update

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day


def spot(*lines: Line) -> RawDay:
    return rebuild_day(capture(lines), None, day=date(2024, 8, 8), instrument=Instrument("X", "BINANCE"), depth=1)


def futures(*lines: Line, venue: str = "BINANCE_USDM") -> RawDay:
    return rebuild_day(capture(lines), None, day=date(2024, 8, 8), instrument=Instrument("X", venue), depth=1)


def ids(day: RawDay) -> list[tuple[int, bool]]:
    return day.snapshots.select(schema.SEQ_LAST, schema.IS_VALID).rows()


def gaps(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    times = (seconds(frame, name) for name in (schema.TS_START, schema.TS_KNOWN, schema.TS_END))
    return list(zip(frame[schema.CAUSE], *times, frame[schema.SEQ_BEFORE], frame[schema.SEQ_AFTER], strict=True))


def test_spot_starts_with_the_update_that_holds_the_id_after_the_snapshot() -> None:
    day = spot(snapshot(0, 10), update(1, 8, 10, bids=[(99, 7)]), update(2, 9, 11, bids=[(99, 2)]))

    assert tops(day.snapshots) == [(10, True, 99, 1, 101, 1), (11, True, 99, 2, 101, 1)]
    assert day.counts.ignored == {"stale": 1}


def test_spot_waits_when_the_first_update_begins_beyond_the_snapshot() -> None:
    day = spot(snapshot(0, 10), update(1, 12, 13, bids=[(99, 2)]))

    assert ids(day) == [(10, True), (13, False)]
    assert gaps(day.gaps) == [("sequence_gap", 0.0, 1.0, None, 10, 12)]


@pytest.mark.parametrize("venue", ["BINANCE_USDM", "BINANCE_COINM"])
def test_futures_start_with_the_update_that_spans_the_snapshot_and_follow_its_links(venue: str) -> None:
    first, second = linked(1, (7, 9, 14), bids=[(99, 2)]), linked(2, (14, 20, 25), bids=[(99, 3)])

    assert ids(futures(snapshot(0, 10), first, second, venue=venue)) == [(10, True), (14, True), (25, True)]


def test_futures_accept_a_snapshot_in_the_empty_ids_between_two_updates() -> None:
    day = futures(snapshot(0, 10), linked(1, (7, 12, 14), bids=[(99, 2)]))

    assert ids(day) == [(10, True), (14, True)]


def test_futures_do_not_accept_an_overlap_later_on() -> None:
    day = futures(snapshot(0, 10), linked(1, (10, 11, 14), bids=[(99, 2)]), linked(2, (12, 13, 16), bids=[(99, 3)]))

    assert ids(day) == [(10, True), (14, True), (16, False)]
    assert day.counts.ignored == {"out_of_sequence": 1}


def test_spot_accepts_an_overlap_because_sizes_are_absolute() -> None:
    day = spot(snapshot(0, 10), update(1, 11, 14, bids=[(99, 2)]), update(2, 13, 16, bids=[(99, 3)]))

    assert ids(day) == [(10, True), (14, True), (16, True)]


def test_updates_before_the_first_snapshot_show_no_book_and_are_counted() -> None:
    day = spot(update(0, 5, bids=[(98, 1)]), update(1, 6, bids=[(97, 1)]), snapshot(2, 6))

    assert [(5, False, *[None] * 4), (6, False, *[None] * 4), (6, True, 99, 1, 101, 1)] == tops(day.snapshots)
    assert day.counts.ignored == {"before_snapshot": 2}
    assert gaps(day.gaps) == [("no_snapshot", 0.0, 0.0, 2.0, None, 5)]


def test_updates_that_overtook_their_snapshot_are_applied_when_it_arrives() -> None:
    day = spot(update(0, 11, bids=[(99, 2)]), snapshot(1, 10))

    assert ids(day) == [(11, False), (10, True), (11, True)]
    assert seconds(day.snapshots, schema.TS_RECV) == [0.0, 1.0, 1.0]
    assert day.counts.used == {"depth_update": 1, "snapshot": 1, "trade": 0, "ticker": 0}


def test_a_day_without_a_snapshot_has_no_valid_row() -> None:
    day = spot(update(0, 5, bids=[(98, 1)]), update(1, 6, asks=[(99, 1)]))

    assert ids(day) == [(5, False), (6, False)]
    assert gaps(day.gaps) == [("no_snapshot", 0.0, 0.0, None, None, 5)]


def test_a_lost_update_ends_at_the_next_snapshot() -> None:
    lines = [snapshot(0, 10), update(1, 12, bids=[(98, 1)]), update(2, 13, bids=[(98, 1)])]
    day = spot(*lines, snapshot(3, 12), update(4, 14, bids=[(98, 2)]))

    assert ids(day) == [(10, True), (12, False), (13, False), (12, True), (13, True), (14, True)]
    assert gaps(day.gaps) == [("sequence_gap", 0.0, 1.0, 3.0, 10, 12)]


def test_a_late_update_ends_the_gap_it_left() -> None:
    day = spot(snapshot(0, 10), update(3, 11, bids=[(98, 1)]), update(2, 12, bids=[(98, 2)]))

    assert ids(day) == [(10, True), (12, False), (11, True), (12, True)]
    assert seconds(day.snapshots, schema.TS_RECV) == [0.0, 2.0, 3.0, 3.0]
    assert gaps(day.gaps) == [("sequence_gap", 0.0, 2.0, 3.0, 10, 12)]


def test_what_comes_late_does_not_end_a_gap_while_more_is_missing() -> None:
    late, later = update(3, 11, bids=[(98, 1)]), update(4, 12, bids=[(98, 2)])
    day = spot(snapshot(0, 10), update(2, 13, bids=[(98, 3)]), replace(late, sent=1), replace(later, sent=1.5))

    assert ids(day) == [(10, True), (13, False), (11, True), (13, False), (12, True), (13, True)]
    assert seconds(day.snapshots, schema.TS_RECV) == [0.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    assert gaps(day.gaps) == [("sequence_gap", 0.0, 2.0, 4.0, 10, 13)]


def test_a_repeated_update_is_a_duplicate() -> None:
    day = spot(snapshot(0, 10), update(1, 11, bids=[(98, 1)]), update(2, 11, bids=[(98, 1)]))

    assert ids(day) == [(10, True), (11, True)]
    assert day.counts.n_duplicates == 1


def test_a_snapshot_at_hand_heals_a_break_the_moment_it_shows() -> None:
    day = spot(snapshot(0, 10), snapshot(1, 20), update(2, 21, bids=[(98, 1)]))

    assert ids(day) == [(10, True), (20, True), (21, True)]
    assert gaps(day.gaps) == [("resync", 0.0, 2.0, 2.0, 10, 20)]


def test_a_snapshot_in_sequence_breaks_nothing() -> None:
    lines = [snapshot(0, 10), update(1, 11, bids=[(98, 1)]), snapshot(2, 12), update(3, 12, 13, bids=[(98, 2)])]
    day = spot(*lines)

    assert ids(day) == [(10, True), (11, True), (12, True), (13, True)]
    assert gaps(day.gaps) == []


def test_a_snapshot_behind_the_book_is_not_used() -> None:
    day = spot(snapshot(0, 10), update(1, 11, 20, bids=[(98, 1)]), snapshot(2, 15))

    assert ids(day) == [(10, True), (20, True)]
    assert day.counts.ignored == {"unused_snapshot": 1}


def test_one_absurd_id_costs_one_row() -> None:
    day = spot(snapshot(0, 10), update(1, 2**62, bids=[(98, 1)]), update(2, 11, bids=[(98, 1)]), update(3, 12))

    assert ids(day) == [(10, True), (2**62, False), (11, True)]
    assert gaps(day.gaps) == [("sequence_gap", 0.0, 1.0, 2.0, 10, 2**62)]
