"""Columns of the working table that no published table has: each is spelled here once.

Belongs here: names shared by ticks.py and the feature families.
Does not: published columns (schema.py).
"""

from typing import Final

from trading_assets.schema import Side

ROWS_WHOLE: Final = "rows_whole"
"""Every book row of (tick - grid, tick] is valid and follows a valid one."""
IS_BOOK_WHOLE: Final = "is_book_whole"
"""Every book change of (tick - grid, tick] is known: recorded, valid, and no known gap touches it."""
N_TRADES: Final = "n_trades"
BUY_SZ: Final = "buy_sz"
SELL_SZ: Final = "sell_sz"
TRADED_SZ: Final = "traded_sz"


def flow_at(depth: int) -> str:
    """Name the order flow of one level inside one tick: `flow_03`."""
    return f"flow_{depth:02d}"


def flow_to(levels: int) -> str:
    """Name the order flow of the best levels together inside one tick: `flow_to_05`."""
    return f"flow_to_{levels:02d}"


def size_to(side: Side, levels: int) -> str:
    """Name the size of the best levels of a side together: `bid_sz_to_05`."""
    return f"{side}_sz_to_{levels:02d}"
