"""Training days joined into one table in time order, and its columns as arrays.

Belongs here: what may be trained on, and the refusal of what may not.
Does not: how labels are made (labels.py), which rows are held back for evaluation (split.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from trading_assets import schema
from trading_assets.errors import NotTrainable

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NS_PER_S: Final = 1_000_000_000
_LOOKS_AHEAD: Final = "fwd"


@dataclass(frozen=True, slots=True)
class TrainingDay:
    """One published day: `features` (ts_grid and Float64 columns) and `labels` (`schema.labels`)."""

    day: date
    features: pl.DataFrame
    labels: pl.DataFrame


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """All training days in time order, one row a grid tick on which at least one feature is known."""

    frame: pl.DataFrame
    feature_names: tuple[str, ...]
    days: tuple[date, ...]
    """The days that have such a row: a day on which nothing was known taught nothing."""
    as_of: date

    def usable(self, horizon_s: float) -> pl.DataFrame:
        """Keep the rows whose label at this horizon is finite and was known before `as_of` began.

        Raises:
            NotTrainable: the days were labelled at other horizons.
        """
        if schema.ret_fwd_bps(horizon_s) not in self.frame.columns:
            raise NotTrainable(f"the days have no label at {horizon_s:g} s: rebuild their labels")
        reach = pl.duration(nanoseconds=to_ns(horizon_s))
        known = pl.col(schema.TS_GRID) + reach < midnight(self.as_of)
        return self.frame.filter(pl.col(schema.ret_fwd_bps(horizon_s)).is_finite() & known)


def to_ns(seconds: float) -> int:
    """Convert a span in seconds to whole nanoseconds."""
    return round(seconds * NS_PER_S)


def midnight(day: date) -> datetime:
    """Return the first instant of a UTC day."""
    return datetime.combine(day, time(), tzinfo=UTC)


def midnight_ns(day: date) -> int:
    """Return the first instant of a UTC day in nanoseconds since the epoch."""
    return int(midnight(day).timestamp()) * NS_PER_S


def feature_names(features: pl.DataFrame) -> tuple[str, ...]:
    """Return every column but the grid's, in the frame's order."""
    return tuple(name for name in features.columns if name != schema.TS_GRID)


def matrix(frame: pl.DataFrame, names: Sequence[str]) -> Floats:
    """Return columns as a row-major Float64 matrix (rows, features) in which unknown and infinite are NaN."""
    columns = [pl.col(name).cast(pl.Float64) for name in names]
    known = frame.select(pl.when(column.is_finite()).then(column).otherwise(None) for column in columns)
    return np.ascontiguousarray(known.fill_null(float("nan")).to_numpy())


def column(frame: pl.DataFrame, name: str) -> Floats:
    """Return one column as a Float64 vector in which null is NaN."""
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def grid_ns(frame: pl.DataFrame) -> Integers:
    """Return the grid as nanoseconds since the epoch."""
    return frame[schema.TS_GRID].dt.timestamp("ns").to_numpy()


def training_table(days: Sequence[TrainingDay], *, as_of: date) -> TrainingTable:
    """Join features with labels on the grid, day after day.

    Raises:
        NotTrainable: no days, a day twice, a day that is not before `as_of`, rows outside their day, a grid
            tick twice, days with differing columns, or a feature that is no number or is named as a label.
    """
    ordered = sorted(days, key=lambda item: item.day)
    if not ordered:
        raise NotTrainable(f"no training day before {as_of}: import or simulate an earlier day")
    _refuse_days([item.day for item in ordered], as_of)
    names = _common_names(ordered)
    frame = pl.concat([_joined(item) for item in ordered])
    if frame[schema.TS_GRID].is_duplicated().any():
        raise NotTrainable(f"a grid tick appears twice in the days {_spelled([item.day for item in ordered])}")
    known = pl.any_horizontal(pl.col(name).is_finite().fill_null(value=False) for name in names)
    taught = frame.filter(known).sort(schema.TS_GRID)
    return TrainingTable(taught, names, tuple(taught[schema.TS_GRID].dt.date().unique().sort()), as_of)


def _refuse_days(days: Sequence[date], as_of: date) -> None:
    if late := [day for day in days if day >= as_of]:
        raise NotTrainable(f"a model as of {as_of} may not see {_spelled(late)}: train on earlier days only")
    if len(set(days)) < len(days):
        raise NotTrainable(f"a training day is given twice: {_spelled(days)}")


def _common_names(days: Sequence[TrainingDay]) -> tuple[str, ...]:
    first = days[0]
    names = feature_names(first.features)
    for item in days[1:]:
        if differing := set(names).symmetric_difference(feature_names(item.features)):
            raise NotTrainable(
                f"{item.day} and {first.day} differ in features {sorted(differing)}: rebuild the older one"
            )
    if not names or any(_LOOKS_AHEAD in name for name in names):
        raise NotTrainable(f"features of {first.day} are {list(names)}: need at least one, and none of a label")
    for item in days:
        if item.labels.schema != first.labels.schema:
            raise NotTrainable(f"{item.day} and {first.day} differ in labels: rebuild the older one")
        if odd := [name for name in names if not item.features.schema[name].is_numeric()]:
            raise NotTrainable(f"features {odd} of {item.day} are not numbers")
    return names


def _joined(item: TrainingDay) -> pl.DataFrame:
    names = sorted(feature_names(item.features))
    numbers = item.features.select(schema.TS_GRID, *(pl.col(name).cast(pl.Float64) for name in names))
    joined = numbers.join(item.labels, on=schema.TS_GRID, how="inner")
    if outside := joined.filter(pl.col(schema.TS_GRID).dt.date() != item.day).height:
        raise NotTrainable(f"{outside} rows given as {item.day} belong to another day")
    return joined


def _spelled(days: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in days)
