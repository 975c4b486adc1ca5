"""Tardis's `trades` table: a row a trade.

Belongs here: what its rows mean. Does not: what all of Tardis's tables share (tardis).

Document: https://docs.tardis.dev/downloadable-csv-files. `side` is the aggressor's, or `unknown`; `id` is the
exchange's, a number, a text of its own kind, or nothing. An id that is no number cannot be kept: it becomes null.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from trading_assets.sources.formats.base import Ask, Format, Lack, Reading
from trading_assets.sources.formats.tables import INTEGER, NUMBER, Table, header_of
from trading_assets.sources.formats.tardis import COMMON, DOCUMENT, TardisReading
from trading_assets.sources.formats.texts import PX, SZ, joined, trade_line

_COLUMNS: Final = {**COMMON, "id": "[^,]*", "side": "buy|sell|unknown", "price": NUMBER, "amount": NUMBER}
_HEADER: Final = ",".join(_COLUMNS).encode()


class Trades:
    """Rows of `trades` as one trade each."""

    n_unreadable = 0

    def __init__(self) -> None:
        self.n_ids = 0

    @property
    def lacks(self) -> Sequence[Lack]:
        """Books, and ids where not one is a number."""
        return [Lack.BOOKS] if self.n_ids else [Lack.BOOKS, Lack.TRADE_IDS]

    def feed(self, frame: pl.DataFrame) -> bytes:
        """Return a line a row."""
        has_id = frame["id"].str.contains(f"^(?:{INTEGER})$").fill_null(value=False)
        self.n_ids += int(has_id.sum())
        frame = frame.with_columns(pl.col("price").alias(PX), pl.col("amount").alias(SZ), has_id.alias("has_id"))
        line = trade_line(trade_id=pl.when("has_id").then("id"), side=pl.when(pl.col("side") != "unknown").then("side"))
        return joined(frame.select(line).to_series())

    def end(self) -> bytes:
        """Return nothing: no row waits for another."""
        return b""


def _recognises(_: Path, head: bytes) -> bool:
    return header_of(head)[0] == _HEADER


def _open(path: Path, _: bytes, ask: Ask) -> Reading:
    table = Table(path, _COLUMNS, header=_HEADER, max_line_bytes=ask.max_line_bytes)
    return TardisReading(TRADES.name, table, Trades, ask)


TRADES: Final = Format("tardis_trades", DOCUMENT, _recognises, _open)
