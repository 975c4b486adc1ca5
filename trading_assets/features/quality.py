"""What the gate asks about a table of features: measures, no verdicts.

Belongs here: counts of broken rules, each 0 in a sound table.
Does not: thresholds and verdicts (the gate), and the audit against the future (lookahead.py).
"""

from collections import Counter
from typing import Final

import polars as pl

from trading_assets.features.grid import SILENCE_S, epoch_ns, nanoseconds
from trading_assets.features.matrix import feature_schema
from trading_assets.features.registry import REGISTRY, Feature
from trading_assets.features.runs import RUN_TICKS
from trading_assets.raw.blocks import blocks
from trading_assets.schema import TS_GRID
from trading_assets.sections import FeatureSettings

FORWARD: Final = "fwd"
"""The infix of labels; a feature that carries it has looked ahead."""


def feature_quality(table: pl.LazyFrame, settings: FeatureSettings) -> dict[str, float]:
    """Measure a table of features against its declaration, a block of rows at a time.

    Args:
        table: what should be `feature_schema(settings)`; any columns are accepted and measured.
        settings: what the table was made with.

    Returns:
        `n_rows`; `n_missing_columns` and `n_wrong_dtypes` against the declaration; `n_nan` and `n_inf` values;
        `null_share_worst`, the largest null share outside the warm-up of a feature that is always defined (1 when a
        column is missing);
        `n_out_of_range` values outside their feature's bounds; `n_grid_broken` rows off the grid or not after the
        row before; `n_fwd_columns`.
    """
    declared, schema = feature_schema(settings), table.collect_schema()
    missing = [name for name in declared if name not in schema]
    counted = dict.fromkeys(("n_rows", "n_nan", "n_inf", "n_out_of_range"), 0)
    for block in blocks(table, rows=RUN_TICKS):
        floats = block.select(pl.selectors.float())
        counted["n_rows"] += block.height
        counted["n_nan"] += _total(floats.select(pl.all().is_nan().sum()))
        counted["n_inf"] += _total(floats.select(pl.all().is_infinite().sum()))
        counted["n_out_of_range"] += _total(block.select(_outside(block, settings)))
    return {
        **counted,
        "n_missing_columns": len(missing),
        "n_wrong_dtypes": sum(name in schema and schema[name] != dtype for name, dtype in declared.items()),
        "null_share_worst": 1.0 if missing else _worst_null_share(table, settings),
        "n_grid_broken": _n_grid_broken(table, settings) if TS_GRID in schema else counted["n_rows"],
        "n_fwd_columns": sum(FORWARD in name for name in schema),
    }


def null_shares(table: pl.LazyFrame, settings: FeatureSettings) -> dict[str, float]:
    """Return each feature's share of nulls outside the warm-up; 1 for all when no row is outside.

    The warm-up is the largest window after the first row and after each silence in which no ticks exist.
    """
    names = [name for name in feature_schema(settings) if name != TS_GRID]
    warm_up = pl.duration(nanoseconds=nanoseconds(max(settings.windows_s)))
    silence = pl.duration(seconds=SILENCE_S)
    is_start = (pl.col(TS_GRID).diff() > silence).fill_null(value=True)
    started = pl.when(is_start).then(pl.col(TS_GRID)).forward_fill()
    is_warm = table.select((pl.col(TS_GRID) - started >= warm_up).fill_null(value=False)).collect().to_series()
    n_nulls, n_seen = Counter(dict.fromkeys(names, 0)), 0
    for block in blocks(table, names, rows=RUN_TICKS):
        warm = block.filter(is_warm[n_seen : n_seen + block.height])
        n_nulls.update(warm.null_count().row(0, named=True))
        n_seen += block.height
    n_warm = int(is_warm.sum())
    return {name: n / n_warm if n_warm else 1.0 for name, n in n_nulls.items()}


def _worst_null_share(table: pl.LazyFrame, settings: FeatureSettings) -> float:
    shares = null_shares(table, settings)
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


def _n_grid_broken(table: pl.LazyFrame, settings: FeatureSettings) -> int:
    ns = table.select(epoch_ns(TS_GRID)).collect().to_series()
    is_off = (ns % nanoseconds(settings.grid_s) != 0).fill_null(value=True)
    is_back = (ns.diff() <= 0).fill_null(value=False)
    return int((is_off | is_back).sum())


def _total(counts: pl.DataFrame) -> int:
    return sum(int(count) for count in counts.row(0)) if counts.width else 0
