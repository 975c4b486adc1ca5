"""Prices implied by the top of the book, and how old that book is.

Belongs here: anything computed from best bid and ask of one tick.
Does not: sizes below the top (depth.py), or anything that looks at an earlier tick (flow.py, volatility.py).
"""

import polars as pl

from trading_assets.features.grid import TICK
from trading_assets.schema import TS_RECV, level

BPS = 10_000.0

_BID, _ASK = pl.col(level("bid", "px", 0)), pl.col(level("ask", "px", 0))
_BID_SZ, _ASK_SZ = pl.col(level("bid", "sz", 0)), pl.col(level("ask", "sz", 0))


def mid_px() -> pl.Expr:
    """Middle between best bid and best ask; null when a side is empty.

    Formula: (bid_px_00 + ask_px_00) / 2
    Unit: price
    Source: Cont, Kukanov, Stoikov (2014), "The price impact of order book events"
    """
    return ((_BID + _ASK) * 0.5).alias("mid_px")


def weighted_mid_px() -> pl.Expr:
    """Best prices weighted by the size opposite, leaning to the thinner side; null when a side is empty.

    Formula: bid_px_00 + (ask_px_00 - bid_px_00) * bid_sz_00 / (bid_sz_00 + ask_sz_00)
    Unit: price
    Source: Gatheral, Oomen (2010), "Zero-intelligence realized variance estimation", micro-price
    """
    size = _BID_SZ + _ASK_SZ
    return pl.when(size > 0).then(_BID + (_ASK - _BID) * (_BID_SZ / size)).alias("weighted_mid_px")


def spread_px() -> pl.Expr:
    """Distance between best ask and best bid; null when a side is empty.

    Formula: ask_px_00 - bid_px_00
    Unit: price
    Source: by definition
    """
    return (_ASK - _BID).alias("spread_px")


def spread_bps() -> pl.Expr:
    """Distance between best ask and best bid, relative to the mid; null when a side is empty or the mid is 0.

    Formula: 10000 * spread_px / mid_px
    Unit: bps
    Source: by definition
    """
    return pl.when(mid_px() > 0).then(BPS * (spread_px() / mid_px())).alias("spread_bps")


def book_age_s() -> pl.Expr:
    """Time since the last book row was received, at most 60 s: a longer silence has no ticks.

    Formula: ts_grid - ts_recv
    Unit: seconds
    Source: by definition
    """
    age_ns = pl.col(TICK) - pl.col(TS_RECV)
    # Not divided by 1e9: polars divides a column by a constant, and a lone row, with different last bits.
    return (age_ns * 1e-9).alias("book_age_s")
