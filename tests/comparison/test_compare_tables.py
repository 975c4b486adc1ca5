from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.comparison.tables import row_differences, summaries
from trading_assets.schema import TIME

NAN = float("nan")


def frame(**columns: Any) -> pl.LazyFrame:
    return pl.LazyFrame(columns)


def test_a_summary_tells_nulls_from_nan_and_leaves_both_out_of_the_extremes() -> None:
    found = summaries(frame(x=[1.0, None, NAN, 3.0]))["x"]

    assert (0.25, 0.25, "1", "3", 2.0) == (
        found.null_share,
        found.nan_share,
        found.minimum,
        found.maximum,
        found.mean,
    )


def test_an_empty_table_has_a_summary() -> None:
    found = summaries(pl.LazyFrame(schema={"x": pl.Float64(), "raw": pl.Binary(), "t": TIME}))

    assert [(0.0, None, None)] * 3 == [(each.null_share, each.minimum, each.mean) for each in found.values()]


def test_rows_are_paired_by_their_id_wherever_they_are() -> None:
    refused = frame(trade_id=[1, 2, 3], px=[10.0, 20.0, 30.0])
    standing = frame(trade_id=[2, 3, 4], px=[20.0, 31.0, 40.0])

    found = row_differences(refused, standing, limit=9)

    assert ("trade_id", 1, 1, 1) == (found.key, found.n_only_refused, found.n_only_standing, found.n_changed)
    assert {("1", "only refused", ()), ("3", "changed", (("px", "30", "31"),)), ("4", "only standing", ())} == {
        (row.key, row.kind, row.values) for row in found.first
    }


def test_rows_of_equal_key_are_paired_in_their_order() -> None:
    found = row_differences(frame(seq_last=[7, 7], x=["a", "b"]), frame(seq_last=[7, 7, 7], x=["a", "c", "d"]), limit=9)

    assert (0, 1, 1) == (found.n_only_refused, found.n_only_standing, found.n_changed)
    assert (("x", "b", "c"),) == found.first[0].values


def test_rows_without_any_key_are_paired_by_their_number() -> None:
    found = row_differences(frame(x=[1, 2]), frame(x=[1, 3]), limit=9)

    assert ("row number", "1", (("x", "2", "3"),)) == (found.key, found.first[0].key, found.first[0].values)


def test_a_nanosecond_apart_is_shown_as_such() -> None:
    moment = datetime(2024, 8, 8, tzinfo=UTC)
    here = frame(ts_recv=pl.Series([moment], dtype=TIME), ts_event=pl.Series([moment], dtype=TIME))
    there = here.with_columns(pl.col("ts_event") + pl.duration(nanoseconds=1))

    ((_, some, other),) = row_differences(here, there, limit=1).first[0].values

    assert some.endswith("00.000000000+00:00")
    assert other.endswith("00.000000001+00:00")


@pytest.mark.parametrize("value", [NAN, None, 0.0])
def test_equal_values_are_alike_even_where_they_are_no_numbers(value: float | None) -> None:
    table = pl.LazyFrame({"trade_id": [1], "x": [value]}, schema={"trade_id": pl.Int64, "x": pl.Float64})

    assert () == row_differences(table, table, limit=9).first


def test_columns_of_other_names_or_types_do_not_make_every_row_differ() -> None:
    found = row_differences(frame(trade_id=[1], a=[1], b=[1.0]), frame(trade_id=[1], a=[1], b=["x"], c=[2]), limit=9)

    assert () == found.first


TABLES = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 1.0, NAN, None])), max_size=12)


def table_of(rows: list[tuple[int, float | None]]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema={"seq_last": pl.Int64, "x": pl.Float64}, orient="row")


@given(TABLES, TABLES)
def test_counts_add_up_and_a_swap_swaps_the_sides(
    here: list[tuple[int, float | None]], there: list[tuple[int, float | None]]
) -> None:
    found = row_differences(table_of(here), table_of(there), limit=3)
    swapped = row_differences(table_of(there), table_of(here), limit=3)

    assert len(here) - found.n_only_refused == len(there) - found.n_only_standing
    assert (found.n_only_refused, found.n_only_standing, found.n_changed) == (
        swapped.n_only_standing,
        swapped.n_only_refused,
        swapped.n_changed,
    )
    assert min(3, found.n_only_refused + found.n_only_standing + found.n_changed) == len(found.first)


@given(TABLES)
def test_a_table_is_like_itself(rows: list[tuple[int, float | None]]) -> None:
    assert () == row_differences(table_of(rows), table_of(rows), limit=3).first
