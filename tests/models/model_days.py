"""Training days with a planted linear signal, or with none."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.models.dataset import TrainingDay
from trading_assets.models.document import ModelDocument
from trading_assets.models.train import train_model
from trading_assets.sections import LabelSettings, ModelSettings

FIRST = date(2024, 8, 8)
AS_OF = date(2024, 8, 10)
HORIZONS = (1.0, 10.0)
SMALL = ModelSettings(n_estimators=20, num_leaves=4, learning_rate=0.1, bootstrap_samples=100)
LABELS = LabelSettings(horizons_s=HORIZONS)


def ticks(day: date, rows: int) -> pl.Series:
    start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    grid = pl.datetime_range(start, start + timedelta(seconds=rows - 1), "1s", time_unit="ns", eager=True)
    return grid.alias(schema.TS_GRID)


def training_day(day: date, *, rows: int = 600, strength: float = 0.5, seed: int = 7) -> TrainingDay:
    """Labels are `strength` times the first feature plus noise of unit size; nulls stand where books have them."""
    rng = np.random.default_rng([seed, day.toordinal()])
    x = rng.normal(size=(rows, 3))
    grid = ticks(day, rows)
    features = pl.DataFrame({schema.TS_GRID: grid, "imbalance_1": x[:, 0], "ofi_1_10s": x[:, 1], "spread_bps": x[:, 2]})
    labels = pl.DataFrame({schema.TS_GRID: grid})
    for horizon in HORIZONS:
        realised = pl.Series(strength * x[:, 0] + rng.normal(size=rows))
        known = pl.int_range(pl.len()) < rows - int(horizon)
        labels = labels.with_columns(
            pl.when(known).then(realised).alias(schema.ret_fwd_bps(horizon)),
            pl.when(known).then(realised.sign().cast(pl.Int8)).alias(schema.class_fwd(horizon)),
        )
    early = pl.int_range(pl.len()) < 10
    gap = pl.int_range(pl.len()).is_between(100, 110)
    features = features.with_columns(
        pl.when(~early).then("ofi_1_10s").alias("ofi_1_10s"),
    ).with_columns(pl.when(~gap).then(name).alias(name) for name in features.columns[1:])
    return TrainingDay(day, features, labels)


def training_days(*, strength: float = 0.5, rows: int = 600, seed: int = 7) -> list[TrainingDay]:
    return [training_day(FIRST + timedelta(days=n), strength=strength, rows=rows, seed=seed) for n in (0, 1)]


def trained(days: Sequence[TrainingDay] | None = None, *, settings: ModelSettings = SMALL) -> ModelDocument:
    return train_model(days or training_days(), as_of=AS_OF, settings=settings, label_settings=LABELS, embargo_s=60.0)
