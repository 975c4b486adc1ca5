"""What was traded: counts, volume, and which side was the aggressor.

Belongs here: sums over trades by receive time, summed over windows.
Does not: resting orders (depth.py, flow.py).
"""

from itertools import accumulate
from typing import Final

import polars as pl

from trading_assets.features.columns import BUY_SZ, N_TRADES, SELL_SZ, TRADED_SZ
from trading_assets.features.grid import TICK, Window, epoch_ns, first_tick, sum_over
from trading_assets.raw.blocks import blocks
from trading_assets.schema import AGGRESSOR_SIDE, SZ, TS_RECV

FOREVER: Final = 2**63 - 1
SUMS: Final = (N_TRADES, BUY_SZ, SELL_SZ, TRADED_SZ)


def per_tick(trades: pl.LazyFrame, grid_ns: int, *, until_ns: int = FOREVER) -> pl.DataFrame:
    """Sum trades by the first tick that knows of them: `tick` and `SUMS`, sizes added in the order of the rows.

    Only the receive time decides: trades may come in any order of their ids. The tape is walked twice. The first walk
    tells after which block nothing of a tick is left to come, so that the second holds the rows of few ticks at a time.

    Args:
        trades: `schema.TRADES`.
        grid_ns: distance between ticks.
        until_ns: what was received later is left out.
    """
    tick = first_tick(epoch_ns(TS_RECV), grid_ns).alias(TICK)
    is_known = epoch_ns(TS_RECV) <= until_ns
    lowest = [block.select(tick.min().fill_null(FOREVER)).item() for block in blocks(trades, [TS_RECV])]
    *still_to_come, _ = accumulate(reversed(lowest), min, initial=FOREVER)
    parts, open_rows = [], _signed(trades.head(0).collect(), tick)
    for block in blocks(trades, [TS_RECV, SZ, AGGRESSOR_SIDE]):
        rows = pl.concat([open_rows, _signed(block.filter(is_known), tick)])
        is_over = pl.col(TICK) < still_to_come.pop()
        parts.append(_summed(rows.filter(is_over)))
        open_rows = rows.filter(~is_over)
    return pl.concat([*parts, _summed(open_rows)])


def _signed(trades: pl.DataFrame, tick: pl.Expr) -> pl.DataFrame:
    """Return tick and size of each trade, and its size again as bought or sold."""
    sz = pl.col(SZ).fill_null(0)
    bought, sold = pl.col(AGGRESSOR_SIDE) == "buy", pl.col(AGGRESSOR_SIDE) == "sell"
    return trades.select(
        tick,
        pl.when(bought).then(sz).otherwise(0.0).alias(BUY_SZ),
        pl.when(sold).then(sz).otherwise(0.0).alias(SELL_SZ),
        sz.alias(TRADED_SZ),
    )


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum rows by tick: gathered into lists, so that the order of addition is that of the rows."""
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
