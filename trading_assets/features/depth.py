"""Liquidity that stands in the book at one tick.

Belongs here: sizes of the top levels, and how they lean.
Does not: how sizes change (flow.py). A book with fewer levels than asked for counts those it has.
"""

import polars as pl

from trading_assets.features.columns import size_to


def bid_depth(levels: int) -> pl.Expr:
    """Size resting on the top bid levels, of those the book has; 0 when there is no bid.

    Formula: sum of bid_sz_00 … over the levels
    Unit: size
    Source: by definition
    """
    return pl.col(size_to("bid", levels)).alias(f"bid_depth_{levels}")


def ask_depth(levels: int) -> pl.Expr:
    """Size resting on the top ask levels, of those the book has; 0 when there is no ask.

    Formula: sum of ask_sz_00 … over the levels
    Unit: size
    Source: by definition
    """
    return pl.col(size_to("ask", levels)).alias(f"ask_depth_{levels}")


def imbalance(levels: int) -> pl.Expr:
    """Signed share of resting size on the bid, in [-1, 1]; null when both sides are empty.

    Formula: (bid_depth - ask_depth) / (bid_depth + ask_depth)
    Unit: share
    Source: Gould, Bonart (2016), "Queue imbalance as a one-tick-ahead price predictor in a limit order book"
    """
    bid, ask = pl.col(size_to("bid", levels)), pl.col(size_to("ask", levels))
    return ((bid - ask) / (bid + ask)).alias(f"imbalance_{levels}")
