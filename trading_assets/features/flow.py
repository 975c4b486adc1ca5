"""Order flow: what was added to and taken from the book, signed towards the bid.

Belongs here: changes of sizes and prices from one book row to the next, summed over windows. Not normalised: sums
are in the venue's size units, to be scaled by whoever compares instruments.
Does not: trades (trades.py).
"""

import polars as pl

from trading_assets.features.columns import IS_BOOK_WHOLE, flow_at
from trading_assets.features.grid import Window, sum_over
from trading_assets.schema import Side, level


def event_flow(depth: int) -> pl.Expr:
    """Signed size that one book row added at a level, against the row before it.

    A level that is not there has size 0 at a price no order is behind: its coming adds its size, its going takes it.
    """
    return _side_flow("bid", depth) - _side_flow("ask", depth)


def _side_flow(side: Side, depth: int) -> pl.Expr:
    """Size that joined a side minus size that left it; a better price than before joins, a worse one leaves."""
    nowhere = float("-inf") if side == "bid" else float("inf")
    px, sz = pl.col(level(side, "px", depth)).fill_null(nowhere), pl.col(level(side, "sz", depth)).fill_null(0)
    px_before, sz_before = px.shift(1), sz.shift(1)
    joined = px >= px_before if side == "bid" else px <= px_before
    left = px <= px_before if side == "bid" else px >= px_before
    return pl.when(joined).then(sz).otherwise(0.0) - pl.when(left).then(sz_before).otherwise(0.0)


def ofi(levels: int, window: Window) -> pl.Expr:
    """Order flow imbalance of the top levels together, of those the book has; not normalised.

    Formula: sum over book rows n in the window, and over the levels, of
    1{b_n >= b_n-1} B_n - 1{b_n <= b_n-1} B_n-1 - 1{a_n <= a_n-1} A_n + 1{a_n >= a_n-1} A_n-1
    with b, a the prices and B, A the sizes of bid and ask at that level
    Unit: size
    Source: Cont, Kukanov, Stoikov (2014), "The price impact of order book events"
    """
    flows = pl.when(IS_BOOK_WHOLE).then(pl.sum_horizontal([flow_at(n) for n in range(levels)]))
    return sum_over(flows, window).alias(f"ofi_{levels}_{window.name}")


def mlofi(depth: int, window: Window) -> pl.Expr:
    """Order flow imbalance of one level (0-based; level 00 is ofi_1); null when the table has no such level.

    Formula: as ofi, at this level alone; not normalised
    Unit: size
    Source: Xu, Gould, Howison (2018), "Multi-level order-flow imbalance in a limit order book"
    """
    return sum_over(pl.col(flow_at(depth)), window).alias(f"mlofi_{depth:02d}_{window.name}")
