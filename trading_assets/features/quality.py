"""What the gate asks about a table of features: measures, no verdicts.

Belongs here: counts of broken rules, each 0 in a sound table.
Does not: thresholds and verdicts (the gate), and the audit against the future (lookahead.py).
"""

from typing import Final

import polars as pl

from trading_assets.features.grid import SILENCE_S, nanoseconds
from trading_assets.features.matrix import feature_schema
from trading_assets.features.registry import REGISTRY, Feature
from trading_assets.schema import TS_GRID
from trading_assets.sections import FeatureSettings

FORWARD: Final = "fwd"
"""The infix of labels; a feature that carries it has looked ahead."""


def feature_quality(frame: pl.DataFrame, settings: FeatureSettings) -> dict[str, float]:
    """Measure a table of features against its declaration.

    Args:
        frame: a table that should be `feature_schema(settings)`; any columns are accepted and measured.
        settings: what the table was made with.

    Returns:
        `n_rows`; `n_missing_columns` and `n_wrong_dtypes` against the declaration; `n_nan` and `n_inf` values;
        `null_share_worst`, the largest null share outside the warm-up of a feature that is always defined (1 when a
        column is missing);
        `n_out_of_range` values outside their feature's bounds; `n_grid_broken` rows off the grid or not after the
        row before; `n_fwd_columns`.
    """
    declared = feature_schema(settings)
    floats = frame.select(pl.selectors.float())
    missing = [name for name in declared if name not in frame.columns]
    wrong = [name for name, dtype in declared.items() if name in frame.columns and frame.schema[name] != dtype]
    return {
        "n_rows": frame.height,
        "n_missing_columns": len(missing),
        "n_wrong_dtypes": len(wrong),
        "n_nan": _total(floats.select(pl.all().is_nan().sum())),
        "n_inf": _total(floats.select(pl.all().is_infinite().sum())),
        "null_share_worst": 1.0 if missing else _worst_null_share(frame, settings),
        "n_out_of_range": _total(frame.select(_outside(frame, settings))),
        "n_grid_broken": _n_grid_broken(frame, settings),
        "n_fwd_columns": sum(FORWARD in name for name in frame.columns),
    }


def null_shares(frame: pl.DataFrame, settings: FeatureSettings) -> dict[str, float]:
    """Return each feature's share of nulls outside the warm-up; 1 for all when no row is outside.

    The warm-up is the largest window after the first row and after each silence in which no ticks exist.
    """
    names = [name for name in feature_schema(settings) if name != TS_GRID]
    warm_up = pl.duration(nanoseconds=nanoseconds(max(settings.windows_s)))
    silence = pl.duration(seconds=SILENCE_S)
    is_start = (pl.col(TS_GRID).diff() > silence).fill_null(value=True)
    started = pl.when(is_start).then(pl.col(TS_GRID)).forward_fill()
    warm = frame.filter(pl.col(TS_GRID) - started >= warm_up)
    if warm.is_empty():
        return dict.fromkeys(names, 1.0)
    return warm.select(pl.col(names).null_count() / warm.height).row(0, named=True)


def _worst_null_share(frame: pl.DataFrame, settings: FeatureSettings) -> float:
    shares = null_shares(frame, settings)
    return max(shares[name] for one in REGISTRY if not one.may_be_undefined for name in one.names(settings))


def _outside(frame: pl.DataFrame, settings: FeatureSettings) -> list[pl.Expr]:
    """Count values outside their bounds, one expression a column; NaN is counted elsewhere."""
    bounded = {name: feature for feature in REGISTRY for name in feature.names(settings)}
    return [
        (~_is_within(pl.col(name), feature)).sum().alias(name)
        for name, feature in bounded.items()
        if name in frame.columns and frame.schema[name].is_numeric()
    ]


def _is_within(value: pl.Expr, feature: Feature) -> pl.Expr:
    low = float("-inf") if feature.low is None else feature.low
    high = float("inf") if feature.high is None else feature.high
    return value.cast(pl.Float64).fill_nan(None).is_between(low, high)


def _n_grid_broken(frame: pl.DataFrame, settings: FeatureSettings) -> int:
    if TS_GRID not in frame.columns:
        return frame.height
    ns = frame.select(pl.col(TS_GRID).cast(pl.Int64)).to_series()
    is_off = (ns % nanoseconds(settings.grid_s) != 0).fill_null(value=True)
    is_back = (ns.diff() <= 0).fill_null(value=False)
    return int((is_off | is_back).sum())


def _total(counts: pl.DataFrame) -> int:
    return sum(int(count) for count in counts.row(0)) if counts.width else 0
