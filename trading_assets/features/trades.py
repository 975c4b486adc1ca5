"""What was traded: counts, volume, and which side was the aggressor.

Belongs here: sums over trades by receive time, summed over windows.
Does not: resting orders (depth.py, flow.py).
"""

from typing import Final

import polars as pl

from trading_assets.features.columns import BUY_SZ, N_TRADES, SELL_SZ, TRADED_SZ
from trading_assets.features.grid import TICK, Window, epoch_ns, first_tick, sum_over
from trading_assets.schema import AGGRESSOR_SIDE, SZ, TS_RECV

SUMS: Final = (N_TRADES, BUY_SZ, SELL_SZ, TRADED_SZ)


def per_tick(trades: pl.LazyFrame, grid_ns: int) -> pl.LazyFrame:
    """Sum trades by the first tick that knows of them: `tick` and `SUMS`, sizes added in the order of the rows.

    Only the receive time decides: trades may come in any order of their ids.
    """
    sz = pl.col(SZ).fill_null(0)
    bought, sold = pl.col(AGGRESSOR_SIDE) == "buy", pl.col(AGGRESSOR_SIDE) == "sell"
    rows = trades.select(
        first_tick(epoch_ns(TS_RECV), grid_ns).alias(TICK),
        pl.when(bought).then(sz).otherwise(0.0).alias(BUY_SZ),
        pl.when(sold).then(sz).otherwise(0.0).alias(SELL_SZ),
        sz.alias(TRADED_SZ),
    )
    sizes = [BUY_SZ, SELL_SZ, TRADED_SZ]
    by_tick = rows.group_by(TICK, maintain_order=True).agg(pl.len().cast(pl.Int64).alias(N_TRADES), *sizes)
    return by_tick.with_columns(pl.col(sizes).list.sum())


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
