"""How the mid has moved: past returns and realised volatility.

Belongs here: anything computed from mids of this tick and earlier ones.
Does not: returns that lie ahead; those are labels, in a stage of their own.
"""

import polars as pl

from trading_assets.features.columns import IS_BOOK_WHOLE, SQUARED_MOVE
from trading_assets.features.grid import Window
from trading_assets.features.prices import BPS, mid_px
from trading_assets.features.sums import sum_over


def ret_bps(window: Window) -> pl.Expr:
    """Simple return of the mid over the window; null when the mid is unknown at either end or the window is broken.

    Formula: 10000 * (mid_px(g) / mid_px(g - window) - 1)
    Unit: bps
    Source: by definition
    """
    n_whole = sum_over(IS_BOOK_WHOLE, window)
    moved = _move_bps(window.n_ticks)
    return pl.when(n_whole == window.n_ticks).then(moved).alias(f"ret_{window.name}_bps")


def vol_rlz_bps(window: Window) -> pl.Expr:
    """Realised volatility: root of the sum of squared returns from tick to tick; null when one of them is unknown.

    Formula: sqrt(sum over ticks in the window of (10000 * (mid_px(t) / mid_px(t - grid) - 1))^2);
    over the window, not annualised
    Unit: bps
    Source: Andersen, Bollerslev, Diebold, Labys (2003), "Modeling and forecasting realized volatility"
    """
    return sum_over(SQUARED_MOVE, window).sqrt().alias(f"vol_rlz_{window.name}_bps")


def squared_move() -> pl.Expr:
    """Return the squared return (bps^2) since the tick before; null where it is unknown."""
    return pl.when(IS_BOOK_WHOLE).then(_move_bps(1).pow(2)).alias(SQUARED_MOVE)


def _move_bps(n_ticks: int) -> pl.Expr:
    before = mid_px().shift(n_ticks)
    return pl.when(before > 0).then(BPS * (mid_px() / before - 1))
