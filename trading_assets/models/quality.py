"""Measures of models and forecasts that the gate judges: counts of everything that must not be.

Belongs here: numbers about a document or a frame.
Does not: thresholds and expectations (checks.py), what a model is worth (evaluate.py).
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.models.booster import parameters
from trading_assets.models.dataset import midnight_ns, to_ns
from trading_assets.models.document import HorizonModel, ModelDocument
from trading_assets.models.forecast import forecast_frame
from trading_assets.settings import Settings

ABSURD_BPS: Final = 1e3
"""A move of ten percent within a horizon of seconds: no honest forecast says so."""
_ROUNDING: Final = 1e-9


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
        "n_absurd_horizons": sum(_largest_forecast_bps(model.booster) > ABSURD_BPS for model in models),
        "n_impossible_scores": sum(_n_impossible(model) for model in models),
    }


def model_against_inputs(document: ModelDocument, given: Mapping[date, Sequence[str]], n_given: int) -> dict[str, int]:
    """Hold what a model says of its training against what it was given; every count should be 0.

    Args:
        document: the model.
        given: the columns of the features of each day it was given.
        n_given: rows of all those days together.
    """
    days = set(document.trained_days)
    n_foreign = sum(
        _day_of(ns) not in days for model in document.horizons for ns in (model.rows.first_ns, model.rows.last_ns)
    )
    return {
        "n_days_not_given": len(days - set(given)),
        "n_rows_not_given": n_foreign + sum(max(0, model.rows.n - n_given) for model in document.horizons),
        "n_features_not_given": sum(
            any(name not in columns for columns in given.values()) for name in document.feature_names
        ),
    }


def model_against_settings(document: ModelDocument, settings: Settings) -> dict[str, int]:
    """Count horizons and parameters, the embargo among them, that are not those of the settings."""
    wanted = {
        **parameters(settings.model),
        **settings.model.model_dump(),
        "flat_bps": settings.labels.flat_bps,
    }
    wanted_embargo_s, made_with = max(settings.features.windows_s), document.parameters
    return {
        "n_wrong_horizons": len(set(document.horizons_s) ^ set(settings.labels.horizons_s)),
        "n_wrong_parameters": sum(made_with.get(name) != wanted.get(name) for name in {*made_with, *wanted})
        + (document.embargo_s != wanted_embargo_s),
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
    return {
        **{name: int(count) for name, count in measured.items()},
        **_against(made, grid, document),
        "n_mismatch": _n_mismatch(made, forecast_frame(document, model_version, grid).collect(), document),
    }


def _n_mismatch(made: pl.DataFrame, expected: pl.DataFrame, document: ModelDocument) -> int:
    """Count ticks whose forecast is not what the model says when it is asked again."""
    names = [schema.forecast_bps(seconds) for seconds in document.horizons_s]
    both = expected.join(made.select(schema.TS_GRID, *names), on=schema.TS_GRID, how="inner", suffix="_made")
    return both.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_made")) for name in names)).height


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


def _largest_forecast_bps(booster: str) -> float:
    """Bound what trees can say: the largest leaf of each, added up, basis points."""
    leaves = re.findall(r"^leaf_value=(.+)$", booster, re.MULTILINE)
    return sum(max(abs(float(value)) for value in values.split(" ")) for values in leaves)


def _n_impossible(model: HorizonModel) -> int:
    """Count scores outside their range: more than everything explained, a negative error, a share beyond 1."""
    ranges = {"mse": (0, math.inf), "r2": (-math.inf, 1), "correlation": (-1, 1), "hit_rate": (0, 1)}
    return sum(
        value is not None and not low - _ROUNDING <= value <= high + _ROUNDING
        for scored in model.evaluation.scores.values()
        for name, (low, high) in ranges.items()
        for value in (getattr(scored, name),)
    )


def _day_of(ns: int) -> date:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).date()


def _numbers(model: HorizonModel) -> Iterator[float]:
    for scored in model.evaluation.scores.values():
        yield from (number for number in scored.model_dump().values() if number is not None)
    for group in model.evaluation.calibration:
        yield from (group.mean_forecast_bps, group.mean_realised_bps)
    yield from (importance.gain_share for importance in model.importances)
    yield from (model.linear.intercept, *model.linear.weights)
