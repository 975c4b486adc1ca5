"""How good a forecast is on rows it never saw, against the naive forecast of no move.

Belongs here: scores, their intervals and calibration, from arrays.
Does not: which rows are unseen (split.py).

Out-of-sample R² against a naive forecast: Campbell and Thompson 2008. Forward returns overlap, so errors of
neighbouring rows are dependent: intervals come from a circular block bootstrap (Politis and Romano 1992).
"""

import math
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeInt

from trading_assets.models.dataset import Floats, Integers, to_ns
from trading_assets.sections import ModelSettings

LEAST_BLOCKS: Final = 10
"""Independent blocks below which no forecast is called better: an interval from fewer says little."""
_TAILS: Final = (2.5, 97.5)
_ROUNDING: Final = 1e-12
_GROUPS: Final = 10


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Score(_Frozen):
    """Worth of one forecast; None where a measure is undefined (a constant forecast has no correlation).

    `mse` is in squared basis points; `r2` = 1 - SSE / SSE of the naive forecast, with its 95 % interval;
    `correlation` is Pearson's; `n_moves` counts rows of class -1 or 1, `hit_rate` is the share
    of right signs among those of them on which the forecast takes a side (the naive one never does).
    """

    n: NonNegativeInt
    n_blocks: NonNegativeInt
    n_moves: NonNegativeInt
    mse: float | None
    r2: float | None
    r2_low: float | None
    r2_high: float | None
    correlation: float | None
    hit_rate: float | None

    @property
    def is_better_than_naive(self) -> bool:
        """Whether the interval of R² lies above zero and rests on enough independent blocks."""
        return self.r2_low is not None and self.r2_low > 0 and self.n_blocks >= LEAST_BLOCKS


class CalibrationGroup(_Frozen):
    """Rows of similar forecast: how many, their mean forecast and mean realised return, basis points."""

    n: NonNegativeInt
    mean_forecast_bps: float
    mean_realised_bps: float


def block_rows(ts: Integers, horizon_s: float) -> int:
    """Return a block length in rows: two label windows, at least the cube root of the row count."""
    step = int(np.median(np.diff(ts))) if len(ts) > 1 else 1
    label_rows = math.ceil(to_ns(horizon_s) / max(step, 1))
    return max(2 * label_rows, int(len(ts) ** (1 / 3) + 0.5), 1)


def score(forecast: Floats, realised: Floats, classes: Floats, *, block: int, settings: ModelSettings) -> Score:
    """Score forecasts against realised returns, both in basis points, and classes (-1, 0, 1, NaN unknown).

    All arrays have shape (rows,) in time order; `forecast` and `realised` must be finite.
    """
    errors, naive = (realised - forecast) ** 2, realised**2
    moved = np.abs(classes) == 1
    called = moved & (forecast != 0)
    low, high = _interval(errors, naive, block=block, settings=settings)
    return Score(
        n=len(realised),
        n_blocks=len(realised) // block,
        n_moves=int(moved.sum()),
        mse=float(errors.mean()) if len(errors) else None,
        r2=_r2(float(errors.sum()), float(naive.sum())),
        r2_low=low,
        r2_high=high,
        correlation=_correlation(forecast, realised),
        hit_rate=float((np.sign(forecast) == classes)[called].mean()) if called.any() else None,
    )


def calibration(forecast: Floats, realised: Floats) -> tuple[CalibrationGroup, ...]:
    """Compare forecast with realised return in tenths of the forecast, low to high; equal forecasts stay together."""
    edges = np.unique(np.quantile(forecast, np.arange(1, _GROUPS) / _GROUPS))
    group = np.searchsorted(edges, forecast, side="left")
    return tuple(
        CalibrationGroup(
            n=int(chosen.sum()),
            mean_forecast_bps=float(forecast[chosen].mean()),
            mean_realised_bps=float(realised[chosen].mean()),
        )
        for chosen in (group == number for number in np.unique(group))
    )


def _interval(
    errors: Floats, naive: Floats, *, block: int, settings: ModelSettings
) -> tuple[float | None, float | None]:
    n, total = len(errors), float(naive.sum())
    if total == 0:
        return None, None
    size = min(block, n)
    shape = (settings.bootstrap_samples, math.ceil(n / size))
    starts = np.random.default_rng(settings.seed).integers(0, n, size=shape)
    sums = _block_sums(naive, starts, size)
    moving = sums > total * _ROUNDING  # a sample without any move has no R²
    if not moving.any():
        return None, None
    low, high = np.percentile(1 - (_block_sums(errors, starts, size) / np.where(moving, sums, 1))[moving], _TAILS)
    return float(low), float(high)


def _block_sums(values: Floats, starts: Integers, size: int) -> Floats:
    """Sum the blocks that begin at `starts` (samples, blocks), going round at the end; one total a sample."""
    totals = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[: size - 1]]))])
    sums: Floats = (totals[starts + size] - totals[starts]).sum(axis=1)
    return sums


def _r2(errors: float, naive: float) -> float | None:
    return 1 - errors / naive if naive > 0 else None


def _correlation(forecast: Floats, realised: Floats) -> float | None:
    if len(forecast) < 2 or np.ptp(forecast) == 0 or np.ptp(realised) == 0:  # noqa: PLR2004 - two points make a line
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = float(np.corrcoef(forecast, realised)[0, 1])
    return correlation if math.isfinite(correlation) else None  # the spread may be too small to square
