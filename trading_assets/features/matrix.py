"""The feature matrix: every registered feature at every tick.

Belongs here: the one door to the stage, from raw tables to `book_features`.
Does not: formulas (one module a family) and the list of them (registry.py).
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import polars as pl

from trading_assets.ahead import ahead
from trading_assets.features.arrivals import Arrivals
from trading_assets.features.grid import TICK, living_ticks, nanoseconds
from trading_assets.features.registry import REGISTRY, windows
from trading_assets.features.ticks import tick_frame
from trading_assets.features.trades import per_tick
from trading_assets.schema import TIME, TS_GRID
from trading_assets.sections import FeatureSettings

_NEVER: Final = -1  # no tick lies before 1970
_PARTS_AHEAD: Final = 8
RUN_TICKS = 32_768
"""Ticks of which features are computed together: all features of so many take some 20 MB."""


def feature_frame(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> pl.LazyFrame:
    """Compute the features of a day that fits in memory; the arguments are those of `feature_rows`."""
    return pl.concat(feature_rows(book, trades, gaps, settings)).lazy()


def feature_rows(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> Iterator[pl.DataFrame]:
    """Compute the features at every whole multiple of `settings.grid_s` at which the recording is alive.

    The raw tables are walked a block at a time, and rows are handed over as they are made.

    A value at g is made of rows with `ts_recv` <= g and of gaps with `ts_known` <= g. It is null where the book at g is
    not known, where its window (g - w, g] touches a known gap, or where less than w was recorded before g.

    Args:
        book: `schema.l2_snapshots` of any depth, in the venue's order.
        trades: `schema.TRADES`.
        gaps: `schema.FEED_GAPS`.
        settings: the grid, the levels, the windows.

    Returns:
        `feature_schema(settings)`, rising in `ts_grid`; no value is NaN or infinite. At least one frame.

    Raises:
        InvalidSettings: a window is not a whole number of grid steps.
    """
    windows(settings)  # settings that are wrong are refused before a long walk
    grid_ns = nanoseconds(settings.grid_s)
    arrived = ahead(Arrivals.walk(book, levels=settings.levels, grid_ns=grid_ns), n=_PARTS_AHEAD)
    return feature_runs(arrived, per_tick(trades, grid_ns), gaps, settings)


def feature_runs(
    arrived: Iterable[pl.DataFrame], traded: pl.DataFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> Iterator[pl.DataFrame]:
    """Compute the features of what was gathered from the raw tables, some thousand ticks at a time.

    Args:
        arrived: `Arrivals.frame` of the book, in parts.
        traded: `trades.per_tick`.
        gaps: `schema.FEED_GAPS`.
        settings: what they were gathered with.
    """
    grid_ns = nanoseconds(settings.grid_s)
    look_back = 1 + max(window.n_ticks for window in windows(settings))
    features = [expression for feature in REGISTRY for expression in feature.expressions(settings)]
    floats = [name for feature in REGISTRY if feature.dtype.is_float() for name in feature.names(settings)]
    ledger = gaps.collect().lazy()
    for ticks, known, n_before in _runs(arrived, grid_ns, look_back):
        table = tick_frame(ticks, known, traded, ledger, levels=settings.levels, grid_ns=grid_ns)
        # Of a table at hand: a lazy query spends longer on looking for what its hundred expressions have in common.
        made = table.collect().select(pl.col(TICK).cast(TIME).alias(TS_GRID), *features)
        yield made.with_columns(map(_finite, floats)).slice(n_before)


def _runs(
    arrived: Iterable[pl.DataFrame], grid_ns: int, look_back: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, int]]:
    """Yield some thousand ticks at a time, what had arrived by each, and how many of them were yielded before.

    A feature looks back over its window and one tick, no further, so that is what a run has to know of those before.
    """
    parts: list[pl.DataFrame] = []
    n_new, done = 0, _NEVER
    for part in chain(arrived, [None]):
        if part is not None:
            parts.append(part)
            n_new += part.height
            if n_new < RUN_TICKS:
                continue
        known = pl.concat(parts)
        ticks = living_ticks(known.lazy(), grid_ns).collect()
        n_done = int(ticks[TICK].search_sorted(done, side="right"))
        is_empty = part is None and done == _NEVER and ticks.is_empty()
        for start in range(n_done, ticks.height + is_empty, RUN_TICKS):
            since = max(0, start - look_back)
            some = ticks.slice(since, start - since + RUN_TICKS)
            yield some, _known_at(some, known), start - since
        last = ticks.tail(look_back)
        parts, n_new = [known if last.is_empty() else known[_row_at(known, last[TICK][0]) :]], 0
        done = done if last.is_empty() else int(last[TICK][-1])


def _known_at(ticks: pl.DataFrame, arrived: pl.DataFrame) -> pl.DataFrame:
    """Keep what arrived between some ticks, and the last before them."""
    if ticks.is_empty():
        return arrived
    return arrived[_row_at(arrived, ticks[TICK][0]) : _row_at(arrived, ticks[TICK][-1]) + 1]


def _row_at(arrived: pl.DataFrame, tick: int) -> int:
    """Return the row that was the last to have arrived at a tick."""
    return int(arrived[TICK].search_sorted(tick, side="right")) - 1


def feature_schema(settings: FeatureSettings) -> dict[str, pl.DataType]:
    """`book_features`: one row a grid tick; units and formulas are in docs/features.md."""
    dtypes = {name: feature.dtype for feature in REGISTRY for name in feature.names(settings)}
    return {TS_GRID: TIME, **dtypes}


def feature_names(settings: FeatureSettings) -> list[str]:
    """Return the features' columns, without `ts_grid`."""
    return [name for name in feature_schema(settings) if name != TS_GRID]


def _finite(name: str) -> pl.Expr:
    """Null what is not a number: 0/0 and overflow are absent values, and NaN would pass for a present one.

    Of a column that is made, not of the expression that makes it: that would be computed twice.
    """
    return pl.when(pl.col(name).is_finite()).then(name).alias(name)
