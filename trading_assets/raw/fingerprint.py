"""What a table was when it was made, in a few bytes: enough to notice whether a reader gets the same.

Belongs here: a digest of rows that does not depend on how they were cut into frames.
Does not: where rows come from, what a difference means (coverage).
"""

import hashlib
from typing import Final, Self

import polars as pl

from trading_assets.raw.blocks import blocks
from trading_assets.storage.formats import ROW_GROUP_ROWS

_DIGEST_BYTES: Final = 16
_SEED: Final = 20_240_808


class Fingerprint:
    """The digests of each `ROW_GROUP_ROWS` rows of a table, in their order, with its height and its schema.

    A row counts as its values in the order of the columns, as 64 bits; null is no value, NaN is one. The bits of
    a row are those of this release of polars: fingerprints are compared within a process and never kept.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self.schema: pl.Schema | None = None
        """Names and dtypes in their order; None before the first frame."""
        self._full: list[bytes] = []
        self._open = _new()

    @classmethod
    def of(cls, table: pl.DataFrame | pl.LazyFrame) -> Self:
        """Take the fingerprint of a whole table, a block at a time."""
        made = cls()
        made.add(table.lazy().head(0).collect())
        for block in blocks(table.lazy()):
            made.add(block)
        return made

    def add(self, frame: pl.DataFrame) -> None:
        """Add the next rows of the table.

        Raises:
            ValueError: their columns are not those of the rows before.
        """
        if self.schema not in (None, frame.schema):
            raise ValueError(f"a frame of {frame.schema} is not of a table of {self.schema}")
        self.schema = frame.schema
        bits = frame.hash_rows(_SEED)
        while len(bits):
            part = bits.head(ROW_GROUP_ROWS - self.n_rows % ROW_GROUP_ROWS)
            bits = bits.slice(len(part))
            self._open.update(part.to_numpy().tobytes())
            self.n_rows += len(part)
            if self.n_rows % ROW_GROUP_ROWS == 0:
                self._full.append(self._open.digest())
                self._open = _new()

    def digests(self) -> list[bytes]:
        """Return a digest for each `ROW_GROUP_ROWS` rows, the last for those that are left."""
        return [*self._full, self._open.digest()] if self.n_rows % ROW_GROUP_ROWS else list(self._full)


def _new() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=_DIGEST_BYTES)
