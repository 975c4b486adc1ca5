"""Columns of the working table that no published table has: each is spelled here once.

Belongs here: names shared by ticks.py and the feature families, and their sum.
Does not: published columns (schema.py).
"""

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Final

import polars as pl

ROWS_WHOLE: Final = "rows_whole"
"""Every book row of (tick - grid, tick] is valid and follows a valid one."""
IS_BOOK_KNOWN: Final = "is_book_known"
"""The last book row received by the tick is valid, and the tick is not inside a known gap."""
IS_BOOK_WHOLE: Final = "is_book_whole"
"""Every book change of (tick - grid, tick] is known: recorded, valid, and no known gap touches it."""
IS_TAPE_WHOLE: Final = "is_tape_whole"
"""Every trade of (tick - grid, tick] is known."""
N_TRADES: Final = "n_trades"
BUY_SZ: Final = "buy_sz"
SELL_SZ: Final = "sell_sz"
TRADED_SZ: Final = "traded_sz"


def flow_at(depth: int) -> str:
    """Name the order flow of one level inside one tick: `flow_03`."""
    return f"flow_{depth:02d}"


def sum_of(names: Iterable[str]) -> pl.Expr:
    """Add columns from the first to the last; a null adds nothing.

    `polars.sum_horizontal` adds them in an order that its threads settle, so that its last digit changes now and then.
    """
    return reduce(add, (pl.col(name).fill_null(0.0) for name in names))
