"""Measures of models and forecasts that the gate judges: counts of everything that must not be.

Belongs here: numbers about a document or a frame.
Does not: thresholds and expectations (checks.py), what a model is worth (evaluate.py).
"""

import math
from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.models.dataset import midnight_ns, to_ns
from trading_assets.models.document import HorizonModel, ModelDocument

ABSURD_BPS: Final = 1e3
"""A move of ten percent within a horizon of seconds: no honest forecast says so."""


def model_quality(document: ModelDocument, day: date) -> dict[str, int]:
    """Measure a model to be published as of `day`; every count but rows, days and horizons should be 0."""
    models = document.horizons
    return {
        "n_rows": document.n_rows,
        "n_horizons": len(models),
        "n_horizons_better_than_naive": len(document.horizons_better_than_naive_s),
        "n_features": len(document.feature_names),
        "n_trained_days": len(set(document.trained_days)),
        "n_days_not_before": sum(trained >= day for trained in document.trained_days),
        "n_wrong_as_of": int(document.as_of != day),
        "n_labels_not_before": sum(model.rows.label_end_ns >= midnight_ns(day) for model in models),
        "n_purge_overlaps": sum(_overlaps(model, document.embargo_s) for model in models),
        "n_nonfinite": sum(not math.isfinite(number) for model in models for number in _numbers(model)),
        "n_unscored": sum(model.evaluation.scores["booster"].mse is None for model in models),
    }


def forecast_quality(
    forecasts: pl.DataFrame | pl.LazyFrame,
    features: pl.DataFrame | pl.LazyFrame,
    *,
    document: ModelDocument,
    model_version: str,
    day: date,
) -> dict[str, int]:
    """Measure forecasts against the features they were made from; every count but `n_rows` and `n_blind` should be 0.

    `n_blind` counts ticks without any known feature, which are forecast 0.
    """
    made, grid = forecasts.lazy().collect(), features.lazy().collect()
    values = [pl.col(schema.forecast_bps(seconds)) for seconds in document.horizons_s]
    until = pl.lit(document.trained_until_ns)
    counts = {
        "n_rows": pl.len(),
        "n_null": pl.sum_horizontal(value.is_null().sum() for value in values),
        "n_nan": pl.sum_horizontal(value.is_nan().sum() for value in values),
        "n_inf": pl.sum_horizontal(value.is_infinite().sum() for value in values),
        "n_out_of_range": pl.sum_horizontal((value.is_finite() & (value.abs() > ABSURD_BPS)).sum() for value in values),
        "n_wrong_version": pl.col(schema.MODEL_VERSION).ne_missing(model_version).sum(),
        "n_before_training": (pl.col(schema.TS_GRID).dt.timestamp("ns") <= until).sum(),
        "n_wrong_day": pl.col(schema.TS_GRID).dt.date().ne_missing(day).sum(),
        "n_duplicate_ticks": pl.len() - pl.col(schema.TS_GRID).n_unique(),
        "n_unsorted": (pl.col(schema.TS_GRID).dt.timestamp("ns").diff() < 0).sum(),
    }
    measured = made.select(count.alias(name) for name, count in counts.items()).row(0, named=True)
    return {**{name: int(count) for name, count in measured.items()}, **_against(made, grid, document)}


def _against(made: pl.DataFrame, grid: pl.DataFrame, document: ModelDocument) -> dict[str, int]:
    known = pl.any_horizontal(pl.col(name).is_finite().fill_null(value=False) for name in document.feature_names)
    return {
        "n_missing_ticks": grid.join(made, on=schema.TS_GRID, how="anti").height,
        "n_unknown_ticks": made.join(grid, on=schema.TS_GRID, how="anti").height,
        "n_blind": grid.filter(~known).height,
    }


def _overlaps(model: HorizonModel, embargo_s: float) -> bool:
    evaluation = model.evaluation
    free_until = evaluation.train.last_ns + to_ns(model.horizon_s) + to_ns(embargo_s)
    return free_until >= evaluation.unseen.first_ns


def _numbers(model: HorizonModel) -> Iterator[float]:
    for scored in model.evaluation.scores.values():
        yield from (number for number in scored.model_dump().values() if number is not None)
    for group in model.evaluation.calibration:
        yield from (group.mean_forecast_bps, group.mean_realised_bps)
    yield from (importance.gain_share for importance in model.importances)
    yield from (model.linear.intercept, *model.linear.weights)
