"""The compiled book against the obvious one, on whatever a poor line may deliver."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_books import NaiveReader, Row, recordings
from wire_books import Depth, capture, seconds

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.rebuilding.whole import rebuild_day

DAY = date(2024, 8, 8)
DEPTH = 3


def rebuilt(lines: list[Depth], *, is_futures: bool) -> pl.DataFrame:
    instrument = Instrument("BTCUSDT", "BINANCE_USDM" if is_futures else "BINANCE")
    return rebuild_day(capture(lines), None, day=DAY, instrument=instrument, depth=DEPTH).snapshots


def as_rows(frame: pl.DataFrame) -> list[Row]:
    sides = {
        side: frame.select(schema.level(side, f, n) for n in range(DEPTH) for f in schema.FIELDS).rows()
        for side in schema.SIDES
    }
    rungs = {
        side: [tuple((r[i], r[i + 1]) for i in range(0, 2 * DEPTH, 2) if r[i] is not None) for r in rows]
        for side, rows in sides.items()
    }
    heads = (seconds(frame, schema.TS_RECV), frame[schema.SEQ_LAST], frame[schema.IS_VALID])
    return list(zip(*heads, rungs["bid"], rungs["ask"], strict=True))


@pytest.mark.parametrize("is_futures", [False, True])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_row_equals_that_of_the_obvious_book(data: st.DataObject, is_futures: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lines = data.draw(recordings(is_futures=is_futures))

    expected = NaiveReader(is_futures=is_futures, depth=DEPTH).read(lines)

    assert expected == as_rows(rebuilt(lines, is_futures=is_futures))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_place_of_a_message_in_the_file_does_not_matter(data: st.DataObject) -> None:
    lines = data.draw(recordings(is_futures=False).filter(lambda x: len(set(map(_moment, x))) == len(x)))
    shuffled = data.draw(st.permutations(lines))

    assert as_rows(rebuilt(lines, is_futures=False)) == as_rows(rebuilt(shuffled, is_futures=False))


def _moment(line: Depth) -> tuple[float, int]:
    return line.ts, line.last
