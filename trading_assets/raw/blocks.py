"""A staged table walked a block of rows at a time, so that memory does not grow with its length.

Belongs here: cutting a table into blocks, and carrying what a rule needs of the rows before a block.
Does not: what is counted in a block (quality, coverage, ticker), how files are written (storage.formats).

A slice of a scanned Parquet file reads the row groups it touches and skips the others, so a walk is linear in time; a
block is a row group, so that each is decompressed once.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import polars as pl

from trading_assets.ahead import ahead
from trading_assets.storage.formats import ROW_GROUP_ROWS

BLOCK_ROWS = ROW_GROUP_ROWS
_WIDE = 32
"""Columns of a table that is read in blocks of `BLOCK_ROWS`; narrower ones in larger blocks, each costs a query."""
_MOST_BLOCKS = 4

Memory = Callable[[pl.DataFrame], pl.DataFrame]
"""From all rows known to a block to those, in their order, that the rules of later rows look back at."""


def blocks(
    table: pl.LazyFrame, columns: Sequence[str] | None = None, *, rows: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield a table's rows in order, `BLOCK_ROWS` at a time, of few columns up to four times as many; else nothing.

    A block is read while the caller works on the one before.

    Args:
        table: a scanned file, or a frame in memory. A query in between would be run anew for each block.
        columns: the columns to read, all where None.
        rows: how many at a time, where the table is written in other groups of rows.
    """
    wanted = table if columns is None else table.select(columns)
    step = rows or BLOCK_ROWS * (1 if columns is None else min(_MOST_BLOCKS, max(1, _WIDE // len(columns))))
    return ahead(_slices(wanted, step), n=1)


def _slices(table: pl.LazyFrame, step: int) -> Iterator[pl.DataFrame]:
    """Read until there is no more: to count first costs what a small table's block costs."""
    for start in count(0, step):
        block = table.slice(start, step).collect()
        if block.height:
            yield block
        if block.height < step:
            return


class Walk:
    """A table walked once, in blocks, up to one time after another.

    Args:
        table: as for `blocks`.
        columns: likewise.
        by: the column of times that decides; it never falls, or the rows after a later one come with that.
        rows: as for `blocks`.
    """

    def __init__(
        self, table: pl.LazyFrame, columns: Sequence[str] | None = None, *, by: str, rows: int | None = None
    ) -> None:
        self.nothing = table.select(pl.all() if columns is None else columns).head(0).collect()
        self._by = by
        self._blocks = blocks(table, columns, rows=rows)
        self._held: pl.DataFrame | None = None

    def until(self, ns: int) -> Iterator[pl.DataFrame]:
        """Yield the next rows, up to the first that is later (ns since the epoch) or has no time."""
        for block in self.rest():
            later = block.select((pl.col(self._by).cast(pl.Int64) > ns).fill_null(value=True)).to_series().arg_true()
            n_rows = int(later[0]) if len(later) else block.height
            self._held = block[n_rows:] if len(later) else None
            if n_rows:
                yield block[:n_rows]
            if len(later):
                return

    def rest(self) -> Iterator[pl.DataFrame]:
        """Yield the rows that are left."""
        while (block := self._next()) is not None:
            yield block

    def _next(self) -> pl.DataFrame | None:
        held, self._held = self._held, None
        return next(self._blocks, None) if held is None else held


def ends_of(table: pl.LazyFrame, column: str) -> pl.Series:
    """Return the smallest and the largest value of a column; nothing where it has none."""
    ends = table.select(column).head(0).collect().to_series()
    for block in blocks(table, [column]):
        ends = pl.concat([ends, block[column].drop_nulls().sort()])
        ends = ends.sort().gather([0, -1] if len(ends) else [])
    return ends


def remembering(parts: Iterator[pl.DataFrame], memory: Memory) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield each block below the rows before it that matter to it, and how many those are.

    Args:
        parts: the blocks.
        memory: what to keep of everything known so far; the last row is among it.
    """
    kept: pl.DataFrame | None = None
    for part in parts:
        known = part if kept is None else pl.concat([kept, part])
        yield known, known.height - part.height
        kept = memory(known)


def last_row_and_last(condition: pl.Expr) -> Memory:
    """Keep the last row, and before it the last for which a condition is true."""

    def kept(known: pl.DataFrame) -> pl.DataFrame:
        row = pl.int_range(pl.len())
        last = known.select(row.filter(condition.fill_null(value=False)).last()).item()
        return known[sorted({known.height - 1, known.height - 1 if last is None else last})]

    return kept
