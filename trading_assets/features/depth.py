"""Liquidity that stands in the book at one tick.

Belongs here: sizes of the top levels, and how they lean.
Does not: how sizes change (flow.py). A book with fewer levels than asked for counts those it has.
"""

import polars as pl

from trading_assets.features.columns import IS_BOOK_KNOWN, sum_of
from trading_assets.schema import Side, level


def size(side: Side, levels: int) -> pl.Expr:
    """Sum the sizes of the top levels of a side: 0 when the side is known to be empty, null when it is not known."""
    rungs = (level(side, "sz", n) for n in range(levels))
    return pl.when(IS_BOOK_KNOWN).then(sum_of(rungs))


def bid_depth(levels: int) -> pl.Expr:
    """Size resting on the top bid levels, of those the book has; 0 when there is no bid.

    Formula: sum of bid_sz_00 … over the levels
    Unit: size
    Source: by definition
    """
    return size("bid", levels).alias(f"bid_depth_{levels}")


def ask_depth(levels: int) -> pl.Expr:
    """Size resting on the top ask levels, of those the book has; 0 when there is no ask.

    Formula: sum of ask_sz_00 … over the levels
    Unit: size
    Source: by definition
    """
    return size("ask", levels).alias(f"ask_depth_{levels}")


def imbalance(levels: int) -> pl.Expr:
    """Signed share of resting size on the bid, in [-1, 1]; null when both sides are empty.

    Formula: (bid_depth - ask_depth) / (bid_depth + ask_depth)
    Unit: share
    Source: Gould, Bonart (2016), "Queue imbalance as a one-tick-ahead price predictor in a limit order book"
    """
    bid, ask = size("bid", levels), size("ask", levels)
    return pl.when(bid + ask > 0).then((bid - ask) / (bid + ask)).alias(f"imbalance_{levels}")
