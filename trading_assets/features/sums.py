"""Sums over windows of whole ticks.

Belongs here: adding up the last rows of a table, whatever its columns mean. Does not: what is added up (ticks.py).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from trading_assets.compiled import compiled
from trading_assets.features.grid import Window
from trading_assets.raw.messages import Floats


def sum_over(column: str, window: Window) -> pl.Expr:
    """Return the sums (Float64) of a column over a window, as `with_sums` has added them."""
    return pl.col(_name(column, window))


def with_sums(table: pl.DataFrame, columns: Sequence[str], windows: Sequence[Window]) -> pl.DataFrame:
    """Add to a table the sums of its columns over each window; null where a value is null or the table starts later.

    Blocks of 1, 2, 4, … rows are added, never subtracted. So the result depends on the values inside the window
    alone: nothing drifts, a large value leaves no trace after it has left, and a sum of squares cannot fall below zero.

    In compiled code, and not as expressions: polars would ask the interpreter for each, which takes far longer.
    """
    return table.hstack([total for name in columns for total in _totals(table[name], windows)])


def _name(column: str, window: Window) -> str:
    return f"{column}_{window.name}"


def _totals(values: pl.Series, windows: Sequence[Window]) -> Iterator[pl.Series]:
    summands = values.cast(pl.Float64)
    known = summands.to_numpy()  # null is NaN here, and stays it in every sum
    for window in windows:
        name = _name(values.name, window)
        if window.n_ticks == 1:
            yield summands.alias(name)
        else:
            total = np.zeros(len(known))
            _add_blocks(known.copy(), window.n_ticks, total)
            yield pl.Series(name, total, nan_to_null=True)


@compiled
def _add_blocks(block: Floats, n: int, total: Floats) -> None:
    """Fill in the sums of the last `n` values; `block` is used up: it becomes the sums of the last 2, 4, …."""
    size, taken = 1, 0
    while True:
        if n & size:
            for row in range(min(taken, len(block))):
                total[row] = np.nan
            for row in range(taken, len(block)):
                total[row] = block[row - taken] if taken == 0 else total[row] + block[row - taken]
            taken += size
        if taken == n:
            return
        for row in range(len(block) - 1, size - 1, -1):
            block[row] += block[row - size]
        for row in range(min(size, len(block))):
            block[row] = np.nan
        size *= 2
