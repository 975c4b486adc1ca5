"""What was traded: counts, volume, and which side was the aggressor.

Belongs here: sums over trades by receive time, summed over windows.
Does not: resting orders (depth.py, flow.py).
"""

from typing import Final

import numpy as np
import polars as pl

from trading_assets.compiled import compiled
from trading_assets.features.columns import BUY_SZ, N_TRADES, SELL_SZ, TRADED_SZ, table_of
from trading_assets.features.grid import TICK, Window, epoch_ns, runs_of
from trading_assets.features.sums import sum_over
from trading_assets.raw.blocks import blocks
from trading_assets.raw.messages import Floats, Int8s, Int64s
from trading_assets.schema import AGGRESSOR, AGGRESSOR_SIDE, SZ, TS_RECV

FOREVER: Final = 2**63 - 1
SUMS: Final = (N_TRADES, BUY_SZ, SELL_SZ, TRADED_SZ)

# Columns of the sums while trades are added: `SUMS`, and the trades whose aggressor is not known.
_N, _BOUGHT, _SOLD, _TRADED, _UNKNOWN = range(len(SUMS) + 1)
_BUY, _SELL = (AGGRESSOR.categories.to_list().index(side) for side in ("buy", "sell"))
_NEITHER: Final = -1
_SIDE: Final = pl.col(AGGRESSOR_SIDE).to_physical().cast(pl.Int8).fill_null(_NEITHER)
_KNOWN: Final = (epoch_ns(TS_RECV), pl.col(SZ).fill_null(0), _SIDE)


def per_tick(trades: pl.LazyFrame, grid_ns: int, *, until_ns: int = FOREVER) -> pl.DataFrame:
    """Sum trades by the first tick that knows of them: `tick` and `SUMS`, sizes added in the order of the rows.

    Only the receive time decides: trades may come in any order of their ids. What was bought and sold is NaN at a tick
    with a trade whose aggressor is not known.

    Args:
        trades: `schema.TRADES`.
        grid_ns: distance between ticks.
        until_ns: what was received later is left out.
    """
    ticks, sums = np.zeros(0, np.int64), np.zeros((0, _UNKNOWN + 1))
    for block in blocks(trades, [TS_RECV, SZ, AGGRESSOR_SIDE]):
        rows = block.select(_KNOWN).filter(pl.col(TS_RECV) <= until_ns)
        runs = runs_of(rows[TS_RECV].to_numpy(writable=True), grid_ns)
        rising = np.sort(np.concatenate([ticks, runs.tick]))  # nearly sorted: far faster than to look for the unique
        before, ticks = ticks, rising[np.diff(rising, prepend=-1) > 0]  # no tick lies before 1970
        grown = np.zeros((len(ticks), _UNKNOWN + 1))
        grown[np.searchsorted(ticks, before)] = sums
        sums = grown
        sz, side = (rows[name].to_numpy(writable=True) for name in (SZ, AGGRESSOR_SIDE))
        _add(np.searchsorted(ticks, runs.tick), runs.of_row, sz, side, sums)
    sums[sums[:, _UNKNOWN] > 0, _BOUGHT : _SOLD + 1] = np.nan
    columns = dict(zip(SUMS, sums.T, strict=False))
    return table_of({TICK: ticks, **columns}).with_columns(pl.col(N_TRADES).cast(pl.Int64))


def at_ticks(traded: pl.DataFrame, tick: Int64s) -> dict[str, Floats]:
    """Return the sums at some rising ticks: 0 where nothing was traded.

    Args:
        traded: `per_tick`.
        tick: `[n]` ns since the epoch, at least one.
    """
    first, end = np.searchsorted(traded[TICK].to_numpy(), [tick[0], tick[-1] + 1])
    some = traded[int(first) : int(end)]
    row = np.searchsorted(tick, some[TICK].to_numpy())
    is_there = tick[row] == some[TICK].to_numpy()
    sums = {name: np.zeros(len(tick)) for name in SUMS}
    for name, total in sums.items():
        total[row[is_there]] = some[name].to_numpy()[is_there]
    return sums


@compiled
def _add(tick: Int64s, of_row: Int64s, sz: Floats, side: Int8s, sums: Floats) -> None:
    """Add trades one by one to the sums of their ticks."""
    for i in range(len(of_row)):
        at = tick[of_row[i]]
        sums[at, _N] += 1
        sums[at, _TRADED] += sz[i]
        if side[i] == _BUY:
            sums[at, _BOUGHT] += sz[i]
        elif side[i] == _SELL:
            sums[at, _SOLD] += sz[i]
        else:
            sums[at, _UNKNOWN] += 1


def n_trades(window: Window) -> pl.Expr:
    """Number of trades received in the window; 0 when there were none.

    Formula: count of trades
    Unit: trades
    Source: by definition
    """
    return sum_over(N_TRADES, window).cast(pl.Int64).alias(f"n_trades_{window.name}")


def trade_volume(window: Window) -> pl.Expr:
    """Size traded in the window, either side; 0 when there were no trades.

    Formula: sum of sz
    Unit: size
    Source: by definition
    """
    return sum_over(TRADED_SZ, window).alias(f"trade_volume_{window.name}")


def trade_imbalance(window: Window) -> pl.Expr:
    """Signed share of traded size whose aggressor bought, in [-1, 1]; null when nothing was traded.

    Formula: (bought - sold) / (bought + sold), by size
    Unit: share
    Source: Cont, Kukanov, Stoikov (2014), trade imbalance, here divided by the volume
    """
    bought, sold = sum_over(BUY_SZ, window), sum_over(SELL_SZ, window)
    return ((bought - sold) / (bought + sold)).alias(f"trade_imbalance_{window.name}")
