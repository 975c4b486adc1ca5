"""The feature matrix: every registered feature at every tick.

Belongs here: the one door to the stage, from raw tables to `book_features`.
Does not: formulas (one module a family) and the list of them (registry.py).
"""

import polars as pl

from trading_assets.features.arrivals import Arrivals
from trading_assets.features.grid import TICK, nanoseconds
from trading_assets.features.registry import REGISTRY, windows
from trading_assets.features.ticks import tick_frame
from trading_assets.features.trades import per_tick
from trading_assets.schema import TIME, TS_GRID
from trading_assets.settings import FeatureSettings


def feature_frame(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> pl.LazyFrame:
    """Compute the features at every whole multiple of `settings.grid_s` at which the recording is alive.

    The raw tables are walked when this is called; what is left to compute is of one row a tick.

    A value at g is made of rows with `ts_recv` <= g and of gaps with `ts_known` <= g. It is null where the book at g is
    not known, where its window (g - w, g] touches a known gap, or where less than w was recorded before g.

    Args:
        book: `schema.l2_snapshots` of any depth, in the venue's order.
        trades: `schema.TRADES`.
        gaps: `schema.FEED_GAPS`.
        settings: the grid, the levels, the windows.

    Returns:
        `feature_schema(settings)`, rising in `ts_grid`; no value is NaN or infinite.

    Raises:
        InvalidSettings: a window is not a whole number of grid steps.
    """
    windows(settings)  # settings that are wrong are refused before a long walk
    grid_ns = nanoseconds(settings.grid_s)
    arrived = Arrivals.of(book, levels=settings.levels, grid_ns=grid_ns).frame()
    return features_of(arrived, per_tick(trades, grid_ns), gaps, settings)


def features_of(
    arrived: pl.DataFrame, traded: pl.DataFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> pl.LazyFrame:
    """Compute the features of what was gathered from the raw tables.

    Args:
        arrived: `Arrivals.frame` of the book.
        traded: `trades.per_tick`.
        gaps: `schema.FEED_GAPS`.
        settings: what they were gathered with.
    """
    ticks = tick_frame(arrived, traded, gaps, levels=settings.levels, grid_ns=nanoseconds(settings.grid_s))
    features = [
        _finite(expression) if feature.dtype.is_float() else expression
        for feature in REGISTRY
        for expression in feature.expressions(settings)
    ]
    return ticks.select(pl.col(TICK).cast(TIME).alias(TS_GRID), *features)


def feature_schema(settings: FeatureSettings) -> dict[str, pl.DataType]:
    """`book_features`: one row a grid tick; units and formulas are in docs/features.md."""
    dtypes = {name: feature.dtype for feature in REGISTRY for name in feature.names(settings)}
    return {TS_GRID: TIME, **dtypes}


def feature_names(settings: FeatureSettings) -> list[str]:
    """Return the features' columns, without `ts_grid`."""
    return [name for name in feature_schema(settings) if name != TS_GRID]


def _finite(value: pl.Expr) -> pl.Expr:
    """Null what is not a number: 0/0 and overflow are absent values, and NaN would pass for a present one."""
    name = value.meta.output_name()
    return pl.when(value.is_finite()).then(value).alias(name)
