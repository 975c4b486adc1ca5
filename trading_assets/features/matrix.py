"""The feature matrix: every registered feature at every tick.

Belongs here: the one door to the stage, from raw tables to `book_features`.
Does not: formulas (one module a family) and the list of them (registry.py).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain
from typing import Final

import polars as pl

from trading_assets.ahead import ahead
from trading_assets.features.arrivals import Arrivals
from trading_assets.features.grid import TICK, nanoseconds
from trading_assets.features.registry import REGISTRY, windows
from trading_assets.features.runs import Run, Runs
from trading_assets.features.ticks import KnownGaps, tick_frame
from trading_assets.features.trades import per_tick
from trading_assets.schema import TIME, TS_GRID
from trading_assets.sections import FeatureSettings

_PARTS_AHEAD: Final = 8


def feature_frame(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> pl.LazyFrame:
    """Compute the features of a day that fits in memory; the arguments are those of `feature_rows`."""
    made = list(feature_rows(book, trades, gaps, settings))
    return pl.concat(made or [pl.DataFrame(schema=feature_schema(settings))]).lazy()


def feature_rows(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> Iterator[pl.DataFrame]:
    """Compute the features at every whole multiple of `settings.grid_s` at which the recording is alive.

    The raw tables are walked a block at a time, the others beside books, and rows are handed over as they are made.

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
    runs, grid_ns = runs_for(settings), nanoseconds(settings.grid_s)
    arrived = ahead(Arrivals.walk(book, levels=settings.levels, grid_ns=grid_ns), n=_PARTS_AHEAD)
    with ThreadPoolExecutor(max_workers=1) as beside:
        traded = beside.submit(per_tick, trades, grid_ns)
        known_gaps = beside.submit(lambda: KnownGaps.of(gaps.collect(), grid_ns=grid_ns))
        for run in chain.from_iterable(chain(map(runs.add, arrived), [runs.rest()])):
            yield features_of(run, traded.result(), known_gaps.result(), settings)


def runs_for(settings: FeatureSettings) -> Runs:
    """Return runs of ticks, each with as many before it as the features look back on.

    Raises:
        InvalidSettings: a window is not a whole number of grid steps.
    """
    look_back = 1 + max(window.n_ticks for window in windows(settings))
    return Runs(grid_ns=nanoseconds(settings.grid_s), look_back=look_back)


def features_of(run: Run, traded: pl.DataFrame, gaps: KnownGaps, settings: FeatureSettings) -> pl.DataFrame:
    """Compute the features of a run of ticks.

    Args:
        run: the ticks, with what had arrived by them.
        traded: `trades.per_tick`.
        gaps: what is known of them.
        settings: what all of these were gathered with.
    """
    table = tick_frame(run, traded, gaps, settings)
    features, finite = _expressions(settings)
    # Of a table at hand: a lazy query spends longer on looking for what its hundred expressions have in common.
    return table.select(features).with_columns(finite).slice(run.n_before)


def feature_schema(settings: FeatureSettings) -> dict[str, pl.DataType]:
    """`book_features`: one row a grid tick; units and formulas are in docs/features.md."""
    return {TS_GRID: TIME, **dict(_columns(settings))}


def feature_names(settings: FeatureSettings) -> list[str]:
    """Return the features' columns, without `ts_grid`."""
    return [name for name in feature_schema(settings) if name != TS_GRID]


@cache
def _columns(settings: FeatureSettings) -> tuple[tuple[str, pl.DataType], ...]:
    return tuple((name, feature.dtype) for feature in REGISTRY for name in feature.names(settings))


@cache
def _expressions(settings: FeatureSettings) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """Build the features, and what nulls those that are not numbers: it takes as long as a minute of their values."""
    features = [expression for feature in REGISTRY for expression in feature.expressions(settings)]
    floats = [name for name, dtype in feature_schema(settings).items() if dtype.is_float()]
    return [pl.col(TICK).cast(TIME).alias(TS_GRID), *features], [_finite(name) for name in floats]


def _finite(name: str) -> pl.Expr:
    """Null what is not a number: 0/0 and overflow are absent values, and NaN would pass for a present one.

    Of a column that is made, not of the expression that makes it: that would be computed twice.
    """
    return pl.when(pl.col(name).is_finite()).then(name).alias(name)
