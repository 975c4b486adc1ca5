"""The list of features: which function, over which parameters, within which bounds.

Belongs here: one entry a feature family. To add one: its function (with Formula, Unit and Source in the docstring),
its entry here, its test; the dictionary in docs/features.md follows from these. A feature may look back over its window
and one tick, and no further: so much is known of the ticks before those that are computed together.
Does not: how features are computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from trading_assets.features import depth, flow, prices, trades, volatility
from trading_assets.features.grid import Window
from trading_assets.sections import FeatureSettings

_FLOAT: Final = pl.Float64()
Arguments = Callable[[FeatureSettings], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Feature:
    """One family: `build(*arguments)` is a named expression over the working table, for each set of arguments.

    Values lie in [low, high]. A feature that `may_be_undefined` is null where nothing happened that it could be made
    of, so that its nulls say nothing about missing data.
    """

    build: Callable[..., pl.Expr]
    arguments: Arguments
    low: float | None = None
    high: float | None = None
    dtype: pl.DataType = _FLOAT
    may_be_undefined: bool = False

    def expressions(self, settings: FeatureSettings) -> list[pl.Expr]:
        """Build the family's expressions under these settings."""
        return [self.build(*arguments) for arguments in self.arguments(settings)]

    def names(self, settings: FeatureSettings) -> list[str]:
        """Name the family's columns under these settings."""
        return [expression.meta.output_name() for expression in self.expressions(settings)]


def windows(settings: FeatureSettings) -> list[Window]:
    """Return the configured windows in ticks.

    Raises:
        InvalidSettings: a window is not a whole number of grid steps.
    """
    return [Window.of(seconds, settings.grid_s) for seconds in settings.windows_s]


def depths(settings: FeatureSettings) -> list[int]:
    """Return how many levels are taken together: the best, the best five, and all that are configured."""
    return sorted({1, min(5, settings.levels), settings.levels})


def _once(_: FeatureSettings) -> list[tuple[Any, ...]]:
    return [()]


def _by_depth(settings: FeatureSettings) -> list[tuple[Any, ...]]:
    return [(n,) for n in depths(settings)]


def _by_window(settings: FeatureSettings) -> list[tuple[Any, ...]]:
    return [(window,) for window in windows(settings)]


def _by_depth_and_window(settings: FeatureSettings) -> list[tuple[Any, ...]]:
    return [(n, window) for n in depths(settings) for window in windows(settings)]


def _by_level_and_window(settings: FeatureSettings) -> list[tuple[Any, ...]]:
    """Every level but the best, which ofi_1 already is."""
    return [(n, window) for n in range(1, settings.levels) for window in windows(settings)]


REGISTRY: Final = (
    Feature(prices.mid_px, _once),
    Feature(prices.weighted_mid_px, _once),
    Feature(prices.spread_px, _once, low=0),
    Feature(prices.spread_bps, _once, low=0),
    Feature(prices.book_age_s, _once, low=0),
    Feature(depth.bid_depth, _by_depth, low=0),
    Feature(depth.ask_depth, _by_depth, low=0),
    Feature(depth.imbalance, _by_depth, low=-1, high=1),
    Feature(flow.ofi, _by_depth_and_window),
    Feature(flow.mlofi, _by_level_and_window),
    Feature(trades.n_trades, _by_window, low=0, dtype=pl.Int64()),
    Feature(trades.trade_volume, _by_window, low=0),
    Feature(trades.trade_imbalance, _by_window, low=-1, high=1, may_be_undefined=True),
    Feature(volatility.ret_bps, _by_window, low=-10_000),
    Feature(volatility.vol_rlz_bps, _by_window, low=0),
)
