from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from model_days import AS_OF, FIRST, training_day, training_days

from trading_assets import schema
from trading_assets.errors import NotTrainable
from trading_assets.models.dataset import TrainingDay, column, grid_ns, matrix, midnight_ns, training_table

SECOND = FIRST + timedelta(days=1)


def changed(day: TrainingDay, *features: Any, labels: pl.DataFrame | None = None) -> TrainingDay:
    return TrainingDay(day.day, day.features.with_columns(*features), day.labels if labels is None else labels)


def test_days_are_joined_in_time_order_whatever_the_order_given() -> None:
    first, second = training_days(rows=50)
    table = training_table([second, first], as_of=AS_OF)

    assert (FIRST, SECOND) == table.days
    assert table.frame[schema.TS_GRID].is_sorted()
    assert ("imbalance_1", "ofi_1_10s", "spread_bps") == table.feature_names


def test_rows_on_which_nothing_is_known_are_left_out() -> None:
    table = training_table([training_day(FIRST, rows=200)], as_of=AS_OF)

    assert 200 - 11 == table.frame.height


def test_a_day_on_which_nothing_is_known_taught_nothing() -> None:
    blind = changed(training_day(FIRST, rows=50), pl.lit(None, pl.Float64).alias("imbalance_1"))
    blind = TrainingDay(FIRST, blind.features.with_columns(pl.selectors.float() * None), blind.labels)
    table = training_table([blind, training_day(SECOND, rows=50)], as_of=AS_OF)

    assert (SECOND,) == table.days


def test_a_label_that_ends_on_the_first_instant_of_the_day_is_not_used() -> None:
    ts = pl.Series([midnight_ns(AS_OF) - 2 * 10**9, midnight_ns(AS_OF) - 10**9]).cast(schema.TIME)
    features = pl.DataFrame({schema.TS_GRID: ts, "x": [1.0, 2.0]})
    labels = pl.DataFrame({schema.TS_GRID: ts, "ret_fwd_1s_bps": [1.0, 2.0], "class_fwd_1s": [1, 1]})
    table = training_table([TrainingDay(SECOND, features, labels)], as_of=AS_OF)

    assert [1.0] == table.usable(1.0)["x"].to_list()


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf")])
def test_an_unknown_label_is_not_used(unknown: float | None) -> None:
    day = training_day(FIRST, rows=30)
    first = pl.int_range(pl.len()) == 15
    name = schema.ret_fwd_bps(1.0)
    labels = day.labels.with_columns(pl.when(first).then(pl.lit(unknown, pl.Float64)).otherwise(name).alias(name))
    whole, holed = (
        training_table([given], as_of=AS_OF).usable(1.0).height for given in (day, changed(day, labels=labels))
    )

    assert whole - 1 == holed


def test_unknown_and_infinite_features_are_nan_in_the_matrix() -> None:
    frame = pl.DataFrame({"a": [1.0, None, float("inf")], "b": [1, 2, 3]})

    assert np.array_equal([[1, 1], [np.nan, 2], [np.nan, 3]], matrix(frame, ["a", "b"]), equal_nan=True)


def test_an_unknown_class_is_nan() -> None:
    classes = column(pl.DataFrame({"c": pl.Series([1, None, -1], dtype=pl.Int8)}), "c")

    assert np.array_equal([1, np.nan, -1], classes, equal_nan=True)


def test_the_grid_is_nanoseconds() -> None:
    assert midnight_ns(FIRST) + 9 * 3600 * 10**9 == grid_ns(training_day(FIRST, rows=3).features)[0]


def refused(*days: TrainingDay) -> str:
    with pytest.raises(NotTrainable) as caught:
        training_table(days, as_of=AS_OF).usable(1.0)
    return str(caught.value)


DAY = training_day(FIRST, rows=30)
OTHER = training_day(SECOND, rows=30)
MOVED = TrainingDay(SECOND, DAY.features, DAY.labels)


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        ((), "no training day before 2024-08-10"),
        ((training_day(AS_OF, rows=3),), "may not see 2024-08-10: train on earlier days only"),
        ((training_day(AS_OF + timedelta(days=9), rows=3),), "may not see 2024-08-19"),
        ((DAY, DAY), "given twice: 2024-08-08, 2024-08-08"),
        ((MOVED,), "30 rows given as 2024-08-09 belong to another day"),
        ((DAY, changed(OTHER, pl.lit(1.0).alias("new"))), r"differ in features ['new']: rebuild the older one"),
        ((changed(DAY, pl.lit(1.0).alias("ret_fwd_1s_bps")),), "none of a label"),
        ((TrainingDay(FIRST, DAY.features.select(schema.TS_GRID), DAY.labels),), "need at least one"),
        ((changed(DAY, pl.lit("x").alias("spread_bps")),), "features ['spread_bps'] of 2024-08-08 are not numbers"),
        ((DAY, changed(OTHER, labels=OTHER.labels.drop("class_fwd_1s"))), "differ in labels"),
        ((changed(DAY, labels=DAY.labels.drop("ret_fwd_1s_bps")),), "no label at 1 s: rebuild their labels"),
        ((TrainingDay(FIRST, pl.concat([DAY.features] * 2), DAY.labels),), "a grid tick appears twice"),
    ],
)
def test_what_may_not_be_trained_on_is_refused(days: tuple[TrainingDay, ...], reason: str) -> None:
    assert reason in refused(*days)
