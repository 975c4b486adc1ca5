"""What could be known at a time never depends on what came after it."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_books import recordings
from polars.testing import assert_frame_equal
from wire_books import Line, Print, capture, ns

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

DAY = date(2024, 8, 8)


def rebuilt(lines: list[Line], *, is_futures: bool) -> RawDay:
    instrument = Instrument("BTCUSDT", "BINANCE_USDM" if is_futures else "BINANCE")
    return rebuild_day(capture(lines), None, day=DAY, instrument=instrument, depth=2)


def known_at(day: RawDay, ts: float) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows, trades and gaps as they look to someone who stands at `ts`."""
    now = pl.lit(ns(ts)).cast(schema.TIME)
    end = pl.col(schema.TS_END)
    return (
        day.snapshots.filter(pl.col(schema.TS_RECV) <= now),
        day.trades.filter(pl.col(schema.TS_RECV) <= now),
        day.gaps.filter(pl.col(schema.TS_KNOWN) <= now).with_columns(pl.when(end <= now).then(end)),
    )


def assert_same_knowledge(one: RawDay, other: RawDay, *, ts: float) -> None:
    for left, right in zip(known_at(one, ts), known_at(other, ts), strict=True):
        assert_frame_equal(left, right)


def trades() -> st.SearchStrategy[list[Print]]:
    return st.lists(st.builds(Print, ts=st.sampled_from((0.0, 1.0, 2.5, 7.0)), trade_id=st.integers(1, 9)), max_size=6)


@pytest.mark.parametrize("is_futures", [False, True])
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_cutting_the_recording_short_changes_nothing_that_was_known(data: st.DataObject, is_futures: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lines: list[Line] = [*data.draw(recordings(is_futures=is_futures)), *data.draw(trades())]
    cut = data.draw(st.sampled_from(sorted({line.ts for line in lines} | {0.0})))

    whole = rebuilt(lines, is_futures=is_futures)
    head = rebuilt([line for line in lines if line.ts <= cut], is_futures=is_futures)

    assert_same_knowledge(head, whole, ts=cut)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_message_that_comes_later_changes_nothing_that_was_known_before_it(data: st.DataObject) -> None:
    lines = data.draw(recordings(is_futures=False).filter(bool))
    i = data.draw(st.integers(0, len(lines) - 1))
    later = replace(lines[i], ts=lines[i].ts + data.draw(st.sampled_from((0.25, 2.0, 20.0))))
    before = lines[i].ts - 0.125

    delayed = [*lines[:i], later, *lines[i + 1 :]]

    assert_same_knowledge(rebuilt(lines, is_futures=False), rebuilt(delayed, is_futures=False), ts=before)
