from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from model_days import AS_OF, FIRST, LABELS, SMALL, trained, training_day

from trading_assets import schema
from trading_assets.models.document import Evaluation, HorizonModel, ModelDocument
from trading_assets.models.forecast import forecast_frame
from trading_assets.models.quality import (
    forecast_quality,
    model_against_inputs,
    model_against_settings,
    model_quality,
)
from trading_assets.settings import Settings

DOCUMENT = trained()
FEATURES = training_day(AS_OF, rows=120).features
MD5 = "0123456789abcdef0123456789abcdef"
FORECASTS = forecast_frame(DOCUMENT, MD5, FEATURES).collect()
NAN, INF = float("nan"), float("inf")
NAME = schema.forecast_bps(1.0)
NOT_DEFECTS = {"n_rows", "n_blind", "n_horizons", "n_horizons_better_than_naive", "n_features", "n_trained_days"}


def defects(measured: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in measured.items() if count and name not in NOT_DEFECTS}


def changed(document: ModelDocument = DOCUMENT, **values: Any) -> ModelDocument:
    return document.model_copy(update=values)


def horizon(**values: Any) -> ModelDocument:
    return changed(horizons=(DOCUMENT.horizons[0].model_copy(update=values), DOCUMENT.horizons[1]))


def evaluation(**values: Any) -> ModelDocument:
    return horizon(evaluation=first().evaluation.model_copy(update=values))


def first() -> HorizonModel:
    return DOCUMENT.horizons[0]


def scored(**values: Any) -> ModelDocument:
    scores = first().evaluation.scores
    return evaluation(scores={**scores, "booster": scores["booster"].model_copy(update=values)})


def touching(by_ns: int) -> ModelDocument:
    """Let the unseen part begin `by_ns` after the last fitted label and its embargo end."""
    judged: Evaluation = first().evaluation
    free = judged.train.last_ns + 61 * 10**9
    return evaluation(unseen=judged.unseen.model_copy(update={"first_ns": free + by_ns}))


def test_a_sound_model_has_no_defect() -> None:
    measured = model_quality(DOCUMENT, AS_OF)

    assert {} == defects(measured)
    assert (2, 2, 3, 2) == tuple(
        measured[name] for name in ("n_horizons", "n_horizons_better_than_naive", "n_features", "n_trained_days")
    )
    assert DOCUMENT.n_rows == measured["n_rows"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (changed(trained_days=(FIRST, AS_OF)), {"n_days_not_before": 1}),
        (changed(as_of=AS_OF + timedelta(days=1)), {"n_wrong_as_of": 1}),
        (
            horizon(rows=first().rows.model_copy(update={"label_end_ns": DOCUMENT.trained_until_ns + 10**18})),
            {"n_labels_not_before": 1},
        ),
        (touching(0), {"n_purge_overlaps": 1}),
        (touching(1), {}),
        (scored(r2=NAN), {"n_nonfinite": 1, "n_impossible_scores": 1}),
        (scored(r2=1.1), {"n_impossible_scores": 1}),
        (scored(hit_rate=-0.1), {"n_impossible_scores": 1}),
        (horizon(booster=first().booster.replace("leaf_value=", "leaf_value=1e6 ", 1)), {"n_absurd_horizons": 1}),
        (scored(mse=None), {"n_unscored": 1}),
        (horizon(linear=first().linear.model_copy(update={"intercept": INF})), {"n_nonfinite": 1}),
        (horizon(importances=(first().importances[0].model_copy(update={"gain_share": NAN}),)), {"n_nonfinite": 1}),
        (
            evaluation(calibration=(first().evaluation.calibration[0].model_copy(update={"mean_forecast_bps": NAN}),)),
            {"n_nonfinite": 1},
        ),
    ],
)
def test_a_model_broken_in_one_way_has_that_defect(document: ModelDocument, expected: dict[str, int]) -> None:
    assert expected == defects(model_quality(document, AS_OF))


GIVEN = {day: [schema.TS_GRID, *DOCUMENT.feature_names] for day in DOCUMENT.trained_days}


@pytest.mark.parametrize(
    ("document", "given", "n_given", "expected"),
    [
        (DOCUMENT, GIVEN, 1200, {}),
        (DOCUMENT, {FIRST: GIVEN[FIRST]}, 1200, {"n_days_not_given": 1}),
        (DOCUMENT, GIVEN, DOCUMENT.horizons[0].rows.n - 1, {"n_rows_not_given": 1}),
        (DOCUMENT, {**GIVEN, FIRST: ["spread_bps", "imbalance_1"]}, 1200, {"n_features_not_given": 1}),
        (horizon(rows=first().rows.model_copy(update={"first_ns": 0})), GIVEN, 1200, {"n_rows_not_given": 1}),
    ],
)
def test_a_model_is_held_against_what_it_was_given(
    document: ModelDocument, given: dict[Any, list[str]], n_given: int, expected: dict[str, int]
) -> None:
    assert expected == defects(model_against_inputs(document, given, n_given))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (DOCUMENT, {}),
        (changed(embargo_s=0.0), {"n_wrong_parameters": 1}),
        (changed(parameters={**DOCUMENT.parameters, "seed": 8}), {"n_wrong_parameters": 1}),
        (changed(horizons=DOCUMENT.horizons[:1]), {"n_wrong_horizons": 1}),
    ],
)
def test_a_model_is_held_against_the_settings(
    document: ModelDocument, expected: dict[str, int], tmp_path: Path
) -> None:
    settings = Settings(root=tmp_path, environment="development", model=SMALL, labels=LABELS)

    assert expected == defects(model_against_settings(document, settings))


def measured(forecasts: pl.DataFrame) -> dict[str, int]:
    return forecast_quality(forecasts, FEATURES, document=DOCUMENT, model_version=MD5, day=AS_OF)


def at_row(row: int, name: str, value: Any) -> pl.DataFrame:
    literal = pl.lit(value, FORECASTS.schema[name])
    return FORECASTS.with_columns(pl.when(pl.int_range(pl.len()) == row).then(literal).otherwise(name).alias(name))


def test_sound_forecasts_have_no_defect_and_blind_ticks_are_counted() -> None:
    assert {} == defects(measured(FORECASTS))
    assert (120, 11) == (measured(FORECASTS)["n_rows"], measured(FORECASTS)["n_blind"])


@pytest.mark.parametrize(
    ("forecasts", "expected"),
    [
        (at_row(5, NAME, None), {"n_null": 1, "n_mismatch": 1}),
        (at_row(5, NAME, NAN), {"n_nan": 1, "n_mismatch": 1}),
        (at_row(5, NAME, INF), {"n_inf": 1, "n_mismatch": 1}),
        (at_row(5, NAME, -INF), {"n_inf": 1, "n_mismatch": 1}),
        (at_row(5, NAME, 1000.1), {"n_out_of_range": 1, "n_mismatch": 1}),
        (at_row(5, NAME, -1000.1), {"n_out_of_range": 1, "n_mismatch": 1}),
        (at_row(5, NAME, 1000.0), {"n_mismatch": 1}),
        (at_row(5, schema.MODEL_VERSION, "another"), {"n_wrong_version": 1}),
        (at_row(5, schema.MODEL_VERSION, None), {"n_wrong_version": 1}),
        (FORECASTS.head(-3), {"n_missing_ticks": 3}),
        (pl.concat([FORECASTS, FORECASTS.tail(1)]), {"n_duplicate_ticks": 1}),
        (pl.concat([FORECASTS.slice(1, 1), FORECASTS.head(1), FORECASTS.slice(2)]), {"n_unsorted": 1}),
        (
            at_row(119, schema.TS_GRID, FORECASTS[schema.TS_GRID][119] + timedelta(seconds=9)),
            {"n_missing_ticks": 1, "n_unknown_ticks": 1},
        ),
        (
            at_row(119, schema.TS_GRID, FORECASTS[schema.TS_GRID][119] + timedelta(days=1)),
            {"n_missing_ticks": 1, "n_unknown_ticks": 1, "n_wrong_day": 1},
        ),
        (
            at_row(0, schema.TS_GRID, FORECASTS[schema.TS_GRID][0] - timedelta(days=1)),
            {"n_missing_ticks": 1, "n_unknown_ticks": 1, "n_wrong_day": 1, "n_before_training": 1},
        ),
    ],
)
def test_forecasts_broken_in_one_way_have_that_defect(forecasts: pl.DataFrame, expected: dict[str, int]) -> None:
    assert expected == defects(measured(forecasts))


def test_forecasts_of_no_tick_miss_them_all() -> None:
    assert {"n_missing_ticks": 120} == defects(measured(FORECASTS.head(0)))
