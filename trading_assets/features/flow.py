"""Order flow: what was added to and taken from the book, signed towards the bid.

Belongs here: changes of sizes and prices from one book row to the next, summed over windows. Not normalised: sums
are in the venue's size units, to be scaled by whoever compares instruments.
Does not: trades (trades.py).
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from trading_assets.compiled import compiled, inlined
from trading_assets.features.columns import flow_at, flow_to
from trading_assets.features.grid import Window
from trading_assets.features.sums import sum_over
from trading_assets.raw.messages import Floats, Int64s


class Quotes(NamedTuple):
    """One level of a book in `n` rows; a price that is not there is NaN, and so is its size."""

    bid_px: Floats
    bid_sz: Floats
    ask_px: Floats
    ask_sz: Floats


@compiled
def add_event_flow(quotes: Quotes, before: Floats, tick: Int64s, flow: Floats) -> None:
    """Add the signed size that each book row added at a level, against the row before it, to the sum of its tick.

    A level that is not there has size 0 at a price no order is behind: its coming adds its size, its going takes it.

    Args:
        quotes: the level in `n` rows.
        before: `[4]` the level in the row before those; empty where there is none.
        tick: `[n]` which sum a row counts for.
        flow: the sums so far, to be added to row by row.
    """
    bid_px, bid_sz, ask_px, ask_sz = quotes
    if len(before) > 0 and len(tick) > 0:
        of_bids = _joined(bid_px[0], bid_sz[0], before[0], before[1], 1)
        flow[tick[0]] += of_bids - _joined(ask_px[0], ask_sz[0], before[2], before[3], -1)
    for row in range(1, len(tick)):
        of_bids = _joined(bid_px[row], bid_sz[row], bid_px[row - 1], bid_sz[row - 1], 1)
        flow[tick[row]] += of_bids - _joined(ask_px[row], ask_sz[row], ask_px[row - 1], ask_sz[row - 1], -1)


@inlined
def _joined(px: float, sz: float, px_before: float, sz_before: float, sign: int) -> float:
    """Size that joined a side minus size that left it; a better price than before joins, a worse one leaves."""
    now = -np.inf if np.isnan(px) else sign * px
    then = -np.inf if np.isnan(px_before) else sign * px_before
    came = sz if now >= then and not np.isnan(sz) else 0.0
    went = sz_before if now <= then and not np.isnan(sz_before) else 0.0
    return came - went


def ofi(levels: int, window: Window) -> pl.Expr:
    """Order flow imbalance of the top levels together, of those the book has; not normalised.

    Formula: sum over book rows n in the window, and over the levels, of
    1{b_n >= b_n-1} B_n - 1{b_n <= b_n-1} B_n-1 - 1{a_n <= a_n-1} A_n + 1{a_n >= a_n-1} A_n-1
    with b, a the prices and B, A the sizes of bid and ask at that level
    Unit: size
    Source: Cont, Kukanov, Stoikov (2014), "The price impact of order book events"
    """
    return sum_over(flow_to(levels), window).alias(f"ofi_{levels}_{window.name}")


def mlofi(depth: int, window: Window) -> pl.Expr:
    """Order flow imbalance of one level (0-based; level 00 is ofi_1); null when the table has no such level.

    Formula: as ofi, at this level alone; not normalised
    Unit: size
    Source: Xu, Gould, Howison (2018), "Multi-level order-flow imbalance in a limit order book"
    """
    return sum_over(flow_at(depth), window).alias(f"mlofi_{depth:02d}_{window.name}")
