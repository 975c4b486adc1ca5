"""Columns of the working table that no published table has: each is spelled here once.

Belongs here: names shared by ticks.py and the feature families, and tables made of arrays.
Does not: published columns (schema.py).
"""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
from numpy.typing import NDArray

from trading_assets.schema import Side

ROWS_WHOLE: Final = "rows_whole"
"""Every book row of (tick - grid, tick] is valid and follows a valid one."""
IS_BOOK_WHOLE: Final = "is_book_whole"
"""Every book change of (tick - grid, tick] is known: recorded, valid, and no known gap touches it."""
SQUARED_MOVE: Final = "squared_move"
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


def table_of(columns: Mapping[str, NDArray[Any]], *, nan_to_null: bool = False) -> pl.DataFrame:
    """Make a table of arrays `[n]`.

    Column by column: a `pl.DataFrame` of a mapping starts threads, which takes four times as long for what is small.
    """
    return pl.DataFrame([pl.Series(name, values, nan_to_null=nan_to_null) for name, values in columns.items()])
