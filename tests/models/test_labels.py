from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.errors import InvalidSettings
from trading_assets.models.labels import label_frame
from trading_assets.schema import FEED_GAPS, TIME, TS_GRID, labels
from trading_assets.sections import LabelSettings

START = datetime(2024, 8, 8, tzinfo=UTC)
SHORT = LabelSettings(horizons_s=(1.0, 3.0), flat_bps=0.0)
MIDS = st.lists(st.none() | st.integers(90, 110).map(float), min_size=1, max_size=40)
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.booleans()), max_size=2)

Gap = tuple[float | None, float, float | None, str]


def at(second: float | None) -> datetime | None:
    return None if second is None else START + timedelta(seconds=second)


def mids(values: Sequence[float | None], seconds: Sequence[float] | None = None) -> pl.DataFrame:
    instants = [at(second) for second in (seconds or range(len(values)))]
    return pl.DataFrame({TS_GRID: instants, "mid_px": values}, schema={TS_GRID: TIME, "mid_px": pl.Float64})


def ledger(*gaps: Gap) -> pl.DataFrame:
    rows = [
        {"ts_start": at(start), "ts_known": at(known), "ts_end": at(end), "cause": cause}
        for start, known, end, cause in gaps
    ]
    return pl.DataFrame(rows, schema=FEED_GAPS)


def labelled(
    frame: pl.DataFrame, gaps: pl.DataFrame | None = None, chosen: LabelSettings = SHORT, grid_s: float = 1.0
) -> pl.DataFrame:
    gaps = ledger() if gaps is None else gaps
    return label_frame(frame.lazy(), gaps.lazy(), chosen, grid_s=grid_s).collect()


def returns(frame: pl.DataFrame, name: str = "ret_fwd_1s_bps") -> list[float | None]:
    return [value if value is None else round(value, 9) for value in frame[name]]


def known(frame: pl.DataFrame, name: str = "ret_fwd_1s_bps") -> list[bool]:
    return frame[name].is_not_null().to_list()


def test_a_label_is_the_return_of_the_mid_to_exactly_the_horizon() -> None:
    frame = labelled(mids([100, 101, 101, 99]))

    assert [100.0, 0.0, round(1e4 * (99 / 101 - 1), 9), None] == returns(frame)
    assert returns(frame, "ret_fwd_3s_bps") == [-100.0, None, None, None]


def test_the_class_is_the_sign_of_the_return_and_zero_within_the_flat_band() -> None:
    frame = labelled(mids([100, 101, 101, 99, 99.000001]), chosen=LabelSettings(horizons_s=(1.0,), flat_bps=0.1))

    assert frame["class_fwd_1s"].to_list() == [1, 0, -1, 0, None]
    assert pl.Int8 == frame.schema["class_fwd_1s"]


def test_a_move_of_exactly_the_flat_band_is_flat() -> None:
    frame = labelled(mids([64, 65, 64]), chosen=LabelSettings(horizons_s=(1.0,), flat_bps=156.25))

    assert frame["class_fwd_1s"].to_list() == [0, 0, None]


def test_a_label_is_null_where_either_mid_is_missing() -> None:
    assert known(labelled(mids([100, None, 100, 100]))) == [False, False, True, False]


def test_a_label_is_null_where_the_tick_ahead_is_missing() -> None:
    frame = labelled(mids([100, 101, 102, 103], seconds=[0, 1, 3, 4]))

    assert known(frame) == [True, False, True, False]
    assert known(frame, "ret_fwd_3s_bps") == [True, True, False, False]


def test_a_mid_of_zero_gives_no_label() -> None:
    assert returns(labelled(mids([0, 1]))) == [None, None]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ((3.25, 3.5, 3.75, "sequence_gap"), [True, True, True, False, True, True, False]),
        ((3.0, 3.5, 4.0, "resync"), [True, True, False, False, False, True, False]),
        ((2.5, 4.5, None, "crossed"), [True, True, False, False, False, False, False]),
        ((None, 2.5, 2.5, "no_snapshot"), [True, True, False, True, True, True, False]),
        ((3.25, 3.5, 3.75, "trade_gap"), [True, True, True, True, True, True, False]),
        ((3.25, 3.5, None, "clock_skew"), [True, True, True, True, True, True, False]),
    ],
)
def test_a_label_is_null_where_its_span_touches_a_gap_of_the_book(gap: Gap, expected: list[bool]) -> None:
    assert expected == known(labelled(mids([100] * 7), ledger(gap)))


def test_a_short_gap_does_not_hide_a_long_one_that_began_before_it() -> None:
    gaps = ledger((0.5, 0.5, 4.5, "resync"), (1.5, 1.5, 1.75, "crossed"))

    assert known(labelled(mids([100] * 7), gaps)) == [False, False, False, False, False, True, False]


def test_a_horizon_that_is_not_a_whole_number_of_ticks_is_refused() -> None:
    with pytest.raises(InvalidSettings, match=r"not a whole number of grid steps.*labels\.horizons_s"):
        labelled(mids([100]), grid_s=2.0)


def test_the_columns_are_those_declared_and_no_feature_is_among_them() -> None:
    assert pl.Schema(labels(SHORT.horizons_s)) == labelled(mids([100, 101])).schema
    assert labelled(mids([])).is_empty()


@settings(deadline=None, max_examples=50)
@given(values=MIDS, spans=SPANS, dropped=st.integers(0, 40))
def test_dropping_the_last_rows_nulls_the_labels_that_need_them_and_changes_no_other(
    values: list[float | None], spans: list[tuple[int, int, bool]], dropped: int
) -> None:
    gaps = ledger(*((start, start, None if is_open else start + n, "resync") for start, n, is_open in spans))
    whole, kept = labelled(mids(values), gaps), max(len(values) - dropped, 0)

    for name, needs in (("1s", 1), ("3s", 3)):
        columns = [f"ret_fwd_{name}_bps", f"class_fwd_{name}"]
        is_there = pl.int_range(pl.len()) + needs < kept
        expected = whole.head(kept).select(pl.when(is_there).then(pl.col(column)) for column in columns)
        assert_frame_equal(expected, labelled(mids(values).head(kept), gaps).select(columns), check_exact=True)
