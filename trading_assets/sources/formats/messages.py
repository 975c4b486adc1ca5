"""Rows that make up messages, block after block: the last message of a block may go on in the next.

Belongs here: numbering messages and holding the last one back. Does not: what a row is (one module a format).
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from trading_assets.sources.formats.texts import MESSAGE

MAX_LEVELS: Final = 50_000
"""Rows of one message that are held; what comes after them becomes a message of its own, which `GOES_ON`."""
GOES_ON: Final = "goes_on"


class Held:
    """Numbers the messages of a stream of rows, and holds the last back until it is complete.

    Args:
        keys: columns that are equal within a message, and differ between it and the next.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._rows: pl.DataFrame | None = None
        self._cut: tuple[object, ...] | None = None  # the keys of a message that was handed over before its end

    def complete(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Take more rows, and return those of messages that are complete, numbered in `MESSAGE`."""
        rows = self._numbered(rows if self._rows is None else pl.concat([self._rows, rows]))
        n_done = len(rows) - int((rows[MESSAGE] == rows[MESSAGE][-1]).sum())
        is_too_long = len(rows) - n_done > MAX_LEVELS
        n_done = len(rows) if is_too_long else n_done
        if n_done:
            self._cut = rows.select(self._keys).row(-1) if is_too_long else None
        self._rows = rows[n_done:].drop(MESSAGE, GOES_ON) if n_done < len(rows) else None
        return rows[:n_done]

    def rest(self) -> pl.DataFrame:
        """Return the message held back, numbered."""
        rows, self._rows = self._rows, None
        return pl.DataFrame() if rows is None else self._numbered(rows)

    def _numbered(self, rows: pl.DataFrame) -> pl.DataFrame:
        goes_on = self._cut is not None and rows.select(self._keys).row(0) == self._cut
        number = pl.struct(self._keys).rle_id()
        return rows.with_columns(number.alias(MESSAGE), ((number == 0) & goes_on).alias(GOES_ON))
