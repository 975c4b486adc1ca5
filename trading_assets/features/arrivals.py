"""What book rows brought, one row a tick, gathered while the book is walked.

Belongs here: sums over the rows of a tick and the last of them, whatever the blocks they come in.
Does not: ticks without rows, gaps and what may be trusted (ticks.py).
"""

from copy import copy
from typing import Self

import numpy as np
import polars as pl

from trading_assets.features import flow
from trading_assets.features.columns import ROWS_WHOLE, flow_at
from trading_assets.features.grid import TICK, epoch_ns, first_tick
from trading_assets.raw.blocks import blocks
from trading_assets.schema import FIELDS, IS_VALID, SIDES, TS_RECV, level


def ladder(n_from: int, n_to: int) -> list[str]:
    """Name the columns of some levels, the best first."""
    return [level(side, field, n) for n in range(n_from, n_to) for side in SIDES for field in FIELDS]


def depth_of(table: pl.LazyFrame | pl.DataFrame, levels: int) -> int:
    """Count the levels a table has, of those that are asked for."""
    names = set(table.lazy().collect_schema().names())
    return sum(level("bid", "px", n) in names for n in range(levels))


class Arrivals:
    """The book rows added so far, by the first tick that knows of them. Nothing added later changes an earlier tick.

    Only rows of the last tick and the very last row are kept, and one row for each tick. The rows of a tick are summed
    at once, when it is over: the order of addition does not depend on the number of threads, the blocks, or what comes
    after. A plain grouped sum promises none of that.
    """

    def __init__(self, *, depth: int, grid_ns: int) -> None:
        self.columns = [TS_RECV, IS_VALID, *ladder(0, depth)]
        """What is read of a book."""
        self._depth, self._grid_ns = depth, grid_ns
        dtypes = {TS_RECV: pl.Int64(), IS_VALID: pl.Boolean(), **dict.fromkeys(self.columns[2:], pl.Float64())}
        self._before = pl.DataFrame(schema=dtypes)  # the last row, if any
        self._open = self._changes(self._before)  # what the rows of the last tick brought
        self._parts: tuple[pl.DataFrame, ...] = ()

    @classmethod
    def of(cls, book: pl.LazyFrame, *, levels: int, grid_ns: int) -> Self:
        """Walk a whole book.

        Args:
            book: `schema.l2_snapshots` of any depth, in the venue's order, so that `ts_recv` never falls.
            levels: how many to bring along, of those that the book has.
            grid_ns: distance between ticks.
        """
        arrivals = cls(depth=depth_of(book, levels), grid_ns=grid_ns)
        for block in blocks(book, arrivals.columns):
            arrivals.add(block)
        return arrivals

    def add(self, rows: pl.DataFrame) -> None:
        """Add the next rows of the book."""
        if rows.is_empty():
            return
        known = pl.concat([self._before, rows.select(epoch_ns(TS_RECV), *self.columns[1:])])
        brought = pl.concat([self._open, self._changes(known).tail(rows.height)])
        is_over = brought[TICK] < brought[TICK][-1]
        n_over = int(is_over.sum())
        self._parts = (*self._parts, _summed(brought.head(n_over), known, n_known_later=brought.height - n_over))
        self._open, self._before = brought.slice(n_over), known.tail(1)

    def and_then(self, rows: pl.DataFrame) -> Self:
        """Return these arrivals and those of more rows, and leave these as they are."""
        more = copy(self)
        more.add(rows)
        return more

    def frame(self) -> pl.DataFrame:
        """Return one row a tick at which rows became known, rising.

        Returns:
            `tick`; `ts_recv` (Int64 ns), `is_valid` and the ladder of the last row; `rows_whole`, whether each row is
            valid and follows a valid one; `flow_00` …, the sums of `flow.event_flow`.
        """
        return pl.concat([*self._parts, _summed(self._open, self._before, n_known_later=0)])

    def _changes(self, known: pl.DataFrame) -> pl.DataFrame:
        is_valid = pl.col(IS_VALID).fill_null(value=False)
        return known.select(
            first_tick(pl.col(TS_RECV), self._grid_ns).alias(TICK),
            (is_valid & is_valid.shift(1, fill_value=False)).alias(ROWS_WHOLE),
            *(flow.event_flow(n).alias(flow_at(n)) for n in range(self._depth)),
        )


def _summed(brought: pl.DataFrame, known: pl.DataFrame, *, n_known_later: int) -> pl.DataFrame:
    """Return one row a tick of `brought`, which ends `n_known_later` rows before `known` does.

    Of ticks that were over before `known` begins, none is left but perhaps that of its first row.
    """
    ticks = brought[TICK].to_numpy()
    starts = np.flatnonzero(np.diff(ticks, prepend=-1))  # no tick lies before 1970
    sums = {TICK: ticks[starts]}
    for name in brought.columns[1:]:
        of_rows = brought[name].to_numpy()
        add = np.logical_and if name == ROWS_WHOLE else np.add
        with np.errstate(invalid="ignore"):  # what is not finite is left out later
            sums[name] = add.reduceat(of_rows, starts) if len(starts) else of_rows
    begins = known.height - n_known_later - brought.height
    lasts = known[np.append(starts[1:], len(ticks))[: len(starts)] + (begins - 1)]
    return pl.DataFrame(sums).hstack(lasts)
