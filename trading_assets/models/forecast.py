"""Forecasts: a published model on the features of a later day.

Belongs here: features and a document in, one forecast a grid tick out.
Does not: which model is used on which day (assets.py), whether the result may be published (quality.py).
"""

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.errors import MissingFeatures
from trading_assets.models.booster import predict_booster
from trading_assets.models.dataset import matrix
from trading_assets.models.document import ModelDocument


def forecast_frame(document: ModelDocument, model_version: str, features: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """Forecast the forward return at every grid tick, basis points: `schema.forecasts`, rows as in `features`.

    Where nothing at all is known, nothing is expected: a row whose features are all null is forecast 0, as the
    naive forecast would. So the result has a finite number on every tick.

    Args:
        document: the model.
        model_version: md5 of the model's bytes, written on every row.
        features: `ts_grid` and at least the model's features, Float64, null where unknown.

    Raises:
        MissingFeatures: a feature of the model is not there.
    """
    frame = features.lazy()
    names = document.feature_names
    if missing := sorted({schema.TS_GRID, *names} - set(frame.collect_schema().names())):
        raise MissingFeatures(
            f"the model as of {document.as_of} needs {missing}, which the features do not have: "
            "rebuild the features, or train a new model"
        )
    known = frame.select(schema.TS_GRID, *names).collect()
    x = matrix(known, names)
    is_blind = np.isnan(x).all(axis=1)
    forecasts = {
        schema.forecast_bps(model.horizon_s): np.where(is_blind, 0.0, _predicted(model.booster, x))
        for model in document.horizons
    }
    made = pl.DataFrame({schema.TS_GRID: known[schema.TS_GRID], **forecasts})
    columns = schema.forecasts(document.horizons_s)
    return (
        made.lazy()
        .with_columns(pl.lit(model_version).alias(schema.MODEL_VERSION))
        .select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    )


def _predicted(booster: str, x: np.ndarray) -> np.ndarray:
    return predict_booster(booster, x) if len(x) else np.zeros(0)
