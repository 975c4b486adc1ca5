import numpy as np
import polars as pl
import pytest
from block_sizes import START_NS, blocks_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets import schema
from trading_assets.raw.coverage import interval_coverage, rows_unexplained

S = 10**9


def rows_at(*seconds: float | None) -> pl.LazyFrame:
    ns = [None if second is None else START_NS + int(second * S) for second in seconds]
    return pl.LazyFrame({schema.TS_RECV: pl.Series(ns, dtype=pl.Int64).cast(schema.TIME)})


def interval(first: float, last: float) -> tuple[int, int]:
    return START_NS + int(first * S), START_NS + int(last * S)


@pytest.mark.parametrize(
    ("rows", "recorded", "share"),
    [
        ((0, 5, 10), [(0, 10)], 1.0),
        ((2, 5, None), [(0, 10)], 0.3),
        ((0, 10, 20, 25), [(0, 10), (20, 30)], 0.75),
        ((3,), [(3, 3)], 1.0),
        ((), [(3, 3)], 0.0),
        ((), [], 0.0),
        ((40, 50), [(0, 10)], 0.0),
    ],
)
def test_the_share_of_recorded_time_between_first_and_last_row_of_each_interval(
    rows: tuple[float, ...], recorded: list[tuple[float, float]], share: float
) -> None:
    assert share == interval_coverage(rows_at(*rows), [interval(*ends) for ends in recorded])


@given(
    seconds=st.lists(st.integers(0, 60), max_size=30),
    ends=st.lists(st.integers(0, 60), max_size=8, unique=True).map(sorted),
    size=st.integers(1, 35),
)
@settings(deadline=None)
def test_coverage_is_the_same_in_blocks_of_any_size(seconds: list[int], ends: list[int], size: int) -> None:
    recorded = [interval(first, last) for first, last in zip(ends[::2], ends[1::2], strict=False)]
    whole = interval_coverage(rows_at(*seconds), recorded)

    with blocks_of(size):
        assert whole == interval_coverage(rows_at(*seconds), recorded)


def test_a_row_is_explained_by_a_gap_that_is_known_and_not_over() -> None:
    times = {schema.TS_KNOWN: [START_NS + 10 * S, START_NS + 30 * S], schema.TS_END: [START_NS + 20 * S, None]}
    gaps = pl.LazyFrame({**times, schema.CAUSE: ["crossed", "resync"]}).cast(
        {schema.TS_KNOWN: schema.TIME, schema.TS_END: schema.TIME, schema.CAUSE: schema.FEED_GAPS[schema.CAUSE]}
    )
    asked = START_NS + np.array([9, 10, 20, 21, 29, 30, 99]) * S

    assert 3 == rows_unexplained(asked, gaps) == rows_unexplained(pl.Series(asked), gaps)
    assert 0 == rows_unexplained(np.zeros(0, np.int64), gaps)
    assert 7 == rows_unexplained(asked, gaps.with_columns(pl.lit("trade_gap").alias(schema.CAUSE)))
