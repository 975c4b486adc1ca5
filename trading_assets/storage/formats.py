"""How each kind of published object is written and read.

Belongs here: one encoder and one reader per file suffix. Equal data gives equal bytes: chunking, row groups,
compression and statistics are fixed here. A new release of the writer may change the bytes of equal data.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import polars as pl
from pyarrow import parquet

PARQUET: Final = "parquet"
CAPTURE: Final = "jsonl.zst"
DOCUMENT: Final = "json"

ROW_GROUP_ROWS: Final = 32_768
ZSTD_LEVEL: Final = 3

Published = pl.LazyFrame | Path | bytes
"""What a reader gets: a frame of a table, the path of a capture, the bytes of a document."""


class TableWriter:
    """A table written as its rows are made: equal rows in equal order give equal bytes, however they were cut.

    Words are written as a dictionary: read in a third of the time. Prices and times repeat too little for one.

    Args:
        path: a new file.
        columns: names and dtypes of the table.
        group_rows: rows that are held until they are written together, and read together.
    """

    def __init__(self, path: Path, columns: Mapping[str, pl.DataType], *, group_rows: int = ROW_GROUP_ROWS) -> None:
        self.n_rows = 0
        self._group_rows = group_rows
        self._waiting = [pl.DataFrame(schema=dict(columns))]
        self._n_waiting = 0
        self._file = parquet.ParquetWriter(
            path,
            self._waiting[0].to_arrow().schema,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=[name for name, dtype in columns.items() if isinstance(dtype, pl.Enum)],
        )

    def add(self, rows: pl.DataFrame) -> None:
        """Append rows.

        Raises:
            SchemaError: their columns are not those of the table.
        """
        self._waiting.append(rows)
        self._n_waiting += len(rows)
        if self._n_waiting >= self._group_rows:
            held = pl.concat(self._waiting)
            n_full = len(held) - len(held) % self._group_rows
            for start in range(0, n_full, self._group_rows):
                self._write(held.slice(start, self._group_rows))
            self._waiting, self._n_waiting = [held.slice(n_full)], len(held) - n_full

    def close(self) -> None:
        """Write what is left; the file is complete."""
        if self._n_waiting:
            self._write(pl.concat(self._waiting))
        self._waiting, self._n_waiting = [], 0
        self._file.close()

    def _write(self, rows: pl.DataFrame) -> None:
        self.n_rows += len(rows)
        self._file.write_table(rows.rechunk().to_arrow(), row_group_size=self._group_rows)


def write_rows(
    rows: Iterable[pl.DataFrame], columns: Mapping[str, pl.DataType], path: Path, *, group_rows: int = ROW_GROUP_ROWS
) -> None:
    """Write a table as its rows are made; the arguments are those of `TableWriter`."""
    writer = TableWriter(path, columns, group_rows=group_rows)
    for some in rows:
        writer.add(some)
    writer.close()


def write_parquet(frame: pl.LazyFrame | pl.DataFrame, path: Path) -> None:
    """Write a table that is at hand."""
    table = frame.lazy().collect()
    write_rows([table], table.schema, path)


def open_published(path: Path, suffix: str) -> Published:
    """Open an object whose bytes were verified."""
    if suffix == PARQUET:
        return pl.scan_parquet(path)
    return path.read_bytes() if suffix == DOCUMENT else path


def count_rows(path: Path, suffix: str) -> int:
    """Count the rows of a table, by what it says itself; a capture or document counts as one."""
    return int(parquet.read_metadata(path).num_rows) if suffix == PARQUET else 1
