"""What was traded: counts, volume, and which side was the aggressor.

Belongs here: sums over trades by receive time, summed over windows.
Does not: resting orders (depth.py, flow.py).
"""

from typing import Final

import numpy as np
import polars as pl

from trading_assets.features.columns import BUY_SZ, N_TRADES, SELL_SZ, TRADED_SZ
from trading_assets.features.grid import TICK, Window, epoch_ns, first_tick, sum_over
from trading_assets.raw.blocks import blocks
from trading_assets.schema import AGGRESSOR, AGGRESSOR_SIDE, SZ, TS_RECV

FOREVER: Final = 2**63 - 1
_SIDES: Final = {
    BUY_SZ: AGGRESSOR.categories.to_list().index("buy"),
    SELL_SZ: AGGRESSOR.categories.to_list().index("sell"),
}
SUMS: Final = (N_TRADES, BUY_SZ, SELL_SZ, TRADED_SZ)


def per_tick(trades: pl.LazyFrame, grid_ns: int, *, until_ns: int = FOREVER) -> pl.DataFrame:
    """Sum trades by the first tick that knows of them: `tick` and `SUMS`, sizes added in the order of the rows.

    Only the receive time decides: trades may come in any order of their ids. The tape is walked twice: first for the
    ticks there are, then for the sums, each added to trade by trade. What was bought and sold is NaN at a tick with a
    trade whose aggressor is not known.

    Args:
        trades: `schema.TRADES`.
        grid_ns: distance between ticks.
        until_ns: what was received later is left out.
    """
    tick = first_tick(epoch_ns(TS_RECV), grid_ns).alias(TICK)
    is_known = epoch_ns(TS_RECV) <= until_ns
    ticks = np.zeros(0, np.int64)
    for block in blocks(trades, [TS_RECV]):
        ticks = np.union1d(ticks, block.filter(is_known).select(tick).to_series().to_numpy())
    sums = {name: np.zeros(len(ticks)) for name in (BUY_SZ, SELL_SZ, TRADED_SZ)}
    n_trades, n_unknown = np.zeros(len(ticks), np.int64), np.zeros(len(ticks), np.int64)
    for block in blocks(trades, [TS_RECV, SZ, AGGRESSOR_SIDE]):
        rows = block.filter(is_known)
        at = np.searchsorted(ticks, rows.select(tick).to_series().to_numpy())
        sizes, side = rows[SZ].fill_null(0).to_numpy(), rows[AGGRESSOR_SIDE].to_physical()
        for name, said in _SIDES.items():
            is_said = (side == said).fill_null(value=False).to_numpy()
            np.add.at(sums[name], at[is_said], sizes[is_said])
        np.add.at(sums[TRADED_SZ], at, sizes)
        n_trades += np.bincount(at, minlength=len(ticks))
        n_unknown += np.bincount(at[side.is_null().to_numpy()], minlength=len(ticks))
    for name in (BUY_SZ, SELL_SZ):
        sums[name][n_unknown > 0] = np.nan
    return pl.DataFrame({TICK: ticks, N_TRADES: n_trades, **sums})


def n_trades(window: Window) -> pl.Expr:
    """Number of trades received in the window; 0 when there were none.

    Formula: count of trades
    Unit: trades
    Source: by definition
    """
    return sum_over(pl.col(N_TRADES), window).alias(f"n_trades_{window.name}")


def trade_volume(window: Window) -> pl.Expr:
    """Size traded in the window, either side; 0 when there were no trades.

    Formula: sum of sz
    Unit: size
    Source: by definition
    """
    return sum_over(pl.col(TRADED_SZ), window).alias(f"trade_volume_{window.name}")


def trade_imbalance(window: Window) -> pl.Expr:
    """Signed share of traded size whose aggressor bought, in [-1, 1]; null when nothing was traded.

    Formula: (bought - sold) / (bought + sold), by size
    Unit: share
    Source: Cont, Kukanov, Stoikov (2014), trade imbalance, here divided by the volume
    """
    bought, sold = sum_over(pl.col(BUY_SZ), window), sum_over(pl.col(SELL_SZ), window)
    share = (bought - sold) / (bought + sold)
    return pl.when(bought + sold > 0).then(share).alias(f"trade_imbalance_{window.name}")
