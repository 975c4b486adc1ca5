"""Tardis's two tables of books: every change of a level (`incremental_book_L2`), and the top levels after each.

Belongs here: what their rows mean. Does not: what all of Tardis's tables share (tardis).

Document: https://docs.tardis.dev/downloadable-csv-files and https://docs.tardis.dev/faq/order-books.

- `incremental_book_L2`: rows of equal times are levels of one message. A row with `is_snapshot` after one without
  begins the book anew; further ones add to it, whenever they came. An `amount` of 0 removes the price.
- `book_snapshot_N`: a row is the book's top N after each change of it; a level that the book lacks is empty.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from trading_assets.sources.formats.base import Ask, Format, Lack, Reading
from trading_assets.sources.formats.messages import Held
from trading_assets.sources.formats.tables import NUMBER, TEXT, Table, header_of, optional
from trading_assets.sources.formats.tardis import COMMON, DOCUMENT, TardisReading
from trading_assets.sources.formats.texts import (
    EVENT,
    IS_ASK,
    IS_SNAPSHOT,
    LINE,
    MESSAGE,
    PX,
    RECV,
    SZ,
    book_lines,
    depth_pieces,
    joined,
    level,
    line_as_it_stood,
)

_INCREMENTAL: Final = {**COMMON, "is_snapshot": "true|false", "side": "bid|ask", "price": NUMBER, "amount": NUMBER}
_INCREMENTAL_HEADER: Final = ",".join(_INCREMENTAL).encode()
_LEVEL: Final = re.compile(r"(asks|bids)\[([0-9]+)\]\.(price|amount)")
_ZERO: Final = "^0+(?:[.]0+)?$"


class Changes:
    """Rows of `incremental_book_L2` as messages; the last is held back, for its rows may go on."""

    lacks: Sequence[Lack] = (Lack.UPDATE_IDS, Lack.TRADES)
    n_unreadable = 0

    def __init__(self) -> None:
        self._held = Held([RECV, EVENT, "in_snapshot"])
        self._was_snapshot = False  # of the last row that was written

    def feed(self, frame: pl.DataFrame) -> bytes:
        """Return the messages that are complete with these rows."""
        rows = frame.select(
            RECV,
            EVENT,
            (pl.col("is_snapshot") == "true").alias("in_snapshot"),
            (pl.col("side") == "ask").alias(IS_ASK),
            pl.col("price").alias(PX),
            pl.col("amount").alias(SZ),
        )
        return self._lines(self._held.complete(rows))

    def end(self) -> bytes:
        """Return the message held back."""
        return self._lines(self._held.rest())

    def _lines(self, rows: pl.DataFrame) -> bytes:
        if rows.is_empty():
            return b""
        before = rows["in_snapshot"].shift(1, fill_value=self._was_snapshot)
        begins_anew = (rows["in_snapshot"] & ~before).alias("begins_anew")
        self._was_snapshot = rows["in_snapshot"][-1]
        rows = rows.with_columns(begins_anew).with_columns(
            pl.col("begins_anew").first().over(MESSAGE).alias(IS_SNAPSHOT)
        )
        is_void = rows[IS_SNAPSHOT] & rows[SZ].str.contains(_ZERO)
        rows = rows.filter(~is_void) if is_void.any() else rows
        return joined(depth_pieces(rows)[LINE])


class Tops:
    """Rows of `book_snapshot_N` as one whole book each.

    Args:
        depth: how many levels a side the table has.
    """

    lacks: Sequence[Lack] = (Lack.UPDATES, Lack.UPDATE_IDS, Lack.TRADES)

    def __init__(self, depth: int) -> None:
        self.n_unreadable = 0
        self._sides = [
            [(pl.col(f"{side}[{n}].price"), pl.col(f"{side}[{n}].amount")) for n in range(depth)]
            for side in ("bids", "asks")
        ]

    def feed(self, frame: pl.DataFrame) -> bytes:
        """Return a line a row; one in which a level is half there is no book."""
        bids, asks = ([level(px, sz) for px, sz in side] for side in self._sides)
        halves = [px.is_null() != sz.is_null() for side in self._sides for px, sz in side]
        is_torn = frame.select(pl.any_horizontal(halves)).to_series()
        self.n_unreadable += int(is_torn.sum())
        line = pl.when(is_torn).then(line_as_it_stood(pl.col(TEXT))).otherwise(book_lines(bids, asks))
        return joined(frame.select(line).to_series())

    def end(self) -> bytes:
        """Return nothing: no row waits for another."""
        return b""


def _is_incremental(_: Path, head: bytes) -> bool:
    return header_of(head)[0] == _INCREMENTAL_HEADER


def _is_snapshots(_: Path, head: bytes) -> bool:
    return _depth(head) > 0


def _depth(head: bytes) -> int:
    """Return how many levels the header of a snapshot table names, 0 if it is none."""
    _, columns = header_of(head)
    n_common = len(COMMON)
    found = {match.groups() for match in map(_LEVEL.fullmatch, columns[n_common:]) if match}
    depth = len(found) // len(("asks", "bids")) // len(("price", "amount"))
    whole = {(s, str(n), part) for s in ("asks", "bids") for n in range(depth) for part in ("price", "amount")}
    is_table = columns[:n_common] == list(COMMON) and found == whole and len(columns) == n_common + len(found)
    return depth if is_table else 0


def _open_incremental(path: Path, _: bytes, ask: Ask) -> Reading:
    table = Table(path, _INCREMENTAL, header=_INCREMENTAL_HEADER, max_line_bytes=ask.max_line_bytes)
    return TardisReading(INCREMENTAL.name, table, Changes, ask)


def _open_snapshots(path: Path, head: bytes, ask: Ask) -> Reading:
    depth = _depth(head)
    header, columns = header_of(head)
    patterns = {**COMMON, **dict.fromkeys(columns[len(COMMON) :], optional(NUMBER))}
    table = Table(path, patterns, header=header, max_line_bytes=ask.max_line_bytes)
    return TardisReading(f"{SNAPSHOTS.name}_{depth}", table, lambda: Tops(depth), ask)


INCREMENTAL: Final = Format("tardis_incremental_book_L2", DOCUMENT, _is_incremental, _open_incremental)
SNAPSHOTS: Final = Format("tardis_book_snapshot", DOCUMENT, _is_snapshots, _open_snapshots)
