"""What book rows brought, one row a tick, gathered while the book is walked.

Belongs here: sums over the rows of a tick and the last of them, whatever the blocks they come in.
Does not: ticks without rows, gaps and what may be trusted (ticks.py).
"""

from collections.abc import Iterator
from copy import copy
from typing import Final, Self

import numpy as np
import polars as pl

from trading_assets.features import flow
from trading_assets.features.columns import ROWS_WHOLE, flow_at, table_of
from trading_assets.features.grid import TICK, epoch_ns, runs_of
from trading_assets.raw.blocks import blocks
from trading_assets.raw.messages import Bools, Floats, Int64s
from trading_assets.schema import FIELDS, IS_VALID, SIDES, TS_RECV, level

_A_LEVEL: Final = len(SIDES) * len(FIELDS)


def ladder(n_from: int, n_to: int) -> list[str]:
    """Name the columns of some levels, the best first."""
    return [level(side, field, n) for n in range(n_from, n_to) for side in SIDES for field in FIELDS]


def standing(depth: int) -> list[str]:
    """Name the columns of a book row that are kept: the best level, and the sizes of those below."""
    return [*ladder(0, min(depth, 1)), *(level(side, "sz", n) for n in range(1, depth) for side in SIDES)]


def depth_of(table: pl.LazyFrame | pl.DataFrame, levels: int) -> int:
    """Count the levels a table has, of those that are asked for."""
    names = set(table.collect_schema().names())
    return sum(level("bid", "sz", n) in names for n in range(levels))


class Arrivals:
    """The book rows added so far, by the first tick that knows of them. Nothing added later changes an earlier tick.

    One row is kept for each tick. The rows of a tick are summed one after the other: the order of addition does not
    depend on the number of threads, the blocks, or what comes after. A plain grouped sum promises none of that.
    """

    def __init__(self, *, depth: int, grid_ns: int) -> None:
        self.columns = [TS_RECV, IS_VALID, *ladder(0, depth)]
        """What is read of a book."""
        self._depth, self._grid_ns = depth, grid_ns
        dtypes = {TICK: pl.Int64, ROWS_WHOLE: pl.Boolean, **{flow_at(n): pl.Float64 for n in range(depth)}}
        dtypes |= {TS_RECV: pl.Int64, IS_VALID: pl.Boolean, **dict.fromkeys(standing(depth), pl.Float64)}
        self._before = np.zeros(0)  # the ladder of the last row
        self._open = pl.DataFrame(schema=dtypes)  # the last tick, which more rows may still come to
        self._over: tuple[pl.DataFrame, ...] = ()

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

    @classmethod
    def walk(cls, book: pl.LazyFrame, *, levels: int, grid_ns: int) -> Iterator[pl.DataFrame]:
        """Yield what `frame` returns of a whole book in parts, as it is walked; the arguments are those of `of`."""
        arrivals = cls(depth=depth_of(book, levels), grid_ns=grid_ns)
        for block in blocks(book, arrivals.columns):
            arrivals.add(block)
            yield arrivals.take()
        yield arrivals.last

    def add(self, rows: pl.DataFrame) -> None:
        """Add the next rows of the book."""
        if rows.is_empty():
            return
        known = rows.select(epoch_ns(TS_RECV), pl.col(IS_VALID).fill_null(value=False))
        recv, is_valid = known[TS_RECV].to_numpy(writable=True), known[IS_VALID].to_numpy()
        rungs = {name: _values(rows[name]) for name in self.columns[2:]}
        runs = runs_of(recv, self._grid_ns)
        goes_on = bool(len(self._open)) and self._open[TICK][0] == runs.tick[0]
        whole = self._whole(is_valid, runs.start, goes_on=goes_on)
        flows = {flow_at(n): np.zeros(len(runs.tick)) for n in range(self._depth)}
        for n, (name, sums) in enumerate(flows.items()):
            sums[0] = self._open[name][0] if goes_on else 0.0
            quotes = flow.Quotes(*(rungs[rung] for rung in ladder(n, n + 1)))
            flow.add_event_flow(quotes, self._before[n * _A_LEVEL :][:_A_LEVEL], runs.of_row, sums)
        self._before = np.array([values[-1] for values in rungs.values()])
        last = np.append(runs.start[1:], len(recv)) - 1
        kept = {TS_RECV: recv, IS_VALID: is_valid, **{name: rungs[name] for name in standing(self._depth)}}
        lasts = {name: values[last] for name, values in kept.items()}
        brought = table_of({TICK: runs.tick, ROWS_WHOLE: whole, **flows, **lasts})
        self._over = (*self._over, *([] if goes_on else [self._open]), brought[:-1])
        self._open = brought[-1:]

    def and_then(self, rows: pl.DataFrame) -> Self:
        """Return these arrivals and those of more rows, and leave these as they are."""
        more = copy(self)
        more.add(rows)
        return more

    @property
    def last(self) -> pl.DataFrame:
        """The row of `frame` that more book rows may still add to; none while there is no row."""
        return self._open

    def take(self) -> pl.DataFrame:
        """Return the rows of `frame` that are new and final, and forget them."""
        over, self._over = self._over, ()
        return pl.concat([self._open.clear(), *over])

    def frame(self) -> pl.DataFrame:
        """Return one row a tick at which rows became known, rising.

        Returns:
            `tick`; `rows_whole`, whether each row is valid and follows a valid one; `flow_00` …, the sums of
            `flow.add_event_flow`; `ts_recv` (Int64 ns), `is_valid` and `standing` of the last row, NaN where there is
            no such level.
        """
        return pl.concat([*self._over, self._open])

    def _whole(self, is_valid: Bools, starts: Int64s, *, goes_on: bool) -> Bools:
        was_valid = bool(len(self._open)) and bool(self._open[IS_VALID][0])
        whole: Bools = np.logical_and.reduceat(is_valid & np.append(was_valid, is_valid[:-1]), starts)
        whole[0] &= not goes_on or self._open[ROWS_WHOLE][0]
        return whole


def _values(column: pl.Series) -> Floats:
    """Return the values of a column, NaN where there is none; never writable, as it is where nothing was copied."""
    values: Floats = column.to_numpy()
    values.flags.writeable = False
    return values
