"""LOBSTER's two files read in step: row i of one with row i of the other.

Belongs here: the layout of both files and their alignment. Does not: what a row means (lobster).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from trading_assets.errors import NotACapture
from trading_assets.raw.messages import Int64s
from trading_assets.sources.formats.base import Ask
from trading_assets.sources.formats.tables import ROW, TEXT, Rows, Table

_MESSAGE: Final = {
    "time": "(?:[0-7]?[0-9]{1,4}|8[0-5][0-9]{3}|86[0-3][0-9]{2})(?:[.][0-9]{1,9})?",  # of the day: below 86,400
    "type": "[1-7]",
    "order_id": "-?[0-9]{1,18}",
    "size": "[0-9]{1,12}",
    "price": "-?[0-9]{1,12}",
    "direction": "-?1",
}
_PRICE, _SIZE = "-?[0-9]{1,12}", "[0-9]{1,12}"


class Stretch(NamedTuple):
    """Rows that both files have, and those of either that cannot be read, with their partners."""

    messages: pl.DataFrame  # [n] text columns, and `ROW`
    books: Int64s  # [n, 4 * depth] as they stand in the file
    unreadable: list[bytes]


class Pair:
    """A message file and its orderbook file.

    Args:
        message: the message file.
        orderbook: the orderbook file.
        depth: levels a side.
        ask: limits of reading.

    Raises:
        NotACapture: one of them is missing.
    """

    def __init__(self, message: Path, orderbook: Path, *, depth: int, ask: Ask) -> None:
        for path in (message, orderbook):
            if not path.is_file():
                raise NotACapture(f"{path} is missing: a message file and its orderbook file are imported together")
        columns = {f"{part}_{n}": _PRICE if part.endswith("px") else _SIZE for n in range(depth) for part in _LEVEL}
        self._tables = (
            Table(message, _MESSAGE, header=None, max_line_bytes=ask.max_line_bytes, may_go_on=True),
            Table(orderbook, columns, header=None, max_line_bytes=ask.max_line_bytes),
        )

    @property
    def damage(self) -> str | None:
        """Why the files may hold more than was read."""
        return next((table.damage for table in self._tables if table.damage), None)

    @property
    def n_unreadable(self) -> int:
        """Rows of either file that cannot be read."""
        return sum(table.n_unreadable for table in self._tables)

    def stretches(self) -> Iterator[Stretch]:
        """Yield rows that both files have, in order.

        Raises:
            NotACapture: they are whole and differ in number of rows.
        """
        sides = [_Side(table) for table in self._tables]
        while any(side.read() for side in sorted(sides, key=lambda side: side.end)[:1]):
            end = min(side.end for side in sides)
            yield _aligned(*(side.take(end) for side in sides))
        for side in sides:
            side.read()
        n_messages, n_books = (side.end for side in sides)
        if n_messages != n_books and not self.damage:
            raise NotACapture(f"{n_messages:,} messages and {n_books:,} books or more: row by row they are no pair")


_LEVEL: Final = ("ask_px", "ask_sz", "bid_px", "bid_sz")


class _Side:
    """One file, as far as it was read and not yet taken."""

    def __init__(self, table: Table) -> None:
        self.end = 0  # rows read so far
        self._table, self._rows = table, table.rows()
        self._waiting: Rows | None = None

    def read(self) -> bool:
        found = next(self._rows, None)
        if found is None:
            return False
        self.end = self._table.n_rows
        old = self._waiting
        self._waiting = Rows(pl.concat([old.frame, found.frame]), old.unreadable | found.unreadable) if old else found
        return True

    def take(self, end: int) -> Rows:
        """Hand over the rows before `end`."""
        if self._waiting is None:
            return Rows(self._table.nothing(), {})
        frame, unreadable = self._waiting
        self._waiting = Rows(
            frame.filter(pl.col(ROW) >= end), {number: row for number, row in unreadable.items() if number >= end}
        )
        return Rows(frame.filter(pl.col(ROW) < end), {n: row for n, row in unreadable.items() if n < end})


def _aligned(messages: Rows, books: Rows) -> Stretch:
    """Keep what is readable in both; a row whose partner is not goes with it."""
    whole = messages.frame.join(books.frame, on=ROW, how="inner", suffix="_of_book", maintain_order="left")
    lone = [frame.filter(~pl.col(ROW).is_in(whole[ROW].implode()))[TEXT] for frame in (messages.frame, books.frame)]
    unreadable = [*messages.unreadable.values(), *books.unreadable.values()]
    numbers = whole.select(books.frame.drop(ROW, TEXT).columns).cast(pl.Int64).to_numpy()
    return Stretch(
        whole.select(*_MESSAGE, TEXT, ROW), numbers, [*unreadable, *(text.encode() for part in lone for text in part)]
    )
