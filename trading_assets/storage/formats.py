"""How each kind of published object is written and read.

Belongs here: one encoder and one reader per file suffix. Equal data gives equal bytes: chunking, row groups,
compression and statistics are fixed here. A new release of the writer may change the bytes of equal data.
"""

from pathlib import Path
from typing import Final

import polars as pl

PARQUET: Final = "parquet"
CAPTURE: Final = "jsonl.zst"
DOCUMENT: Final = "json"

ROW_GROUP_ROWS: Final = 131_072
ZSTD_LEVEL: Final = 3

Published = pl.LazyFrame | Path | bytes
"""What a reader gets: a frame of a table, the path of a capture, the bytes of a document."""


def write_parquet(frame: pl.LazyFrame | pl.DataFrame, path: Path) -> None:
    """Write a table so that equal rows in equal order give equal bytes, however the frame was chunked."""
    table = frame.lazy().collect().rechunk()
    table.write_parquet(
        path, compression="zstd", compression_level=ZSTD_LEVEL, statistics=True, row_group_size=ROW_GROUP_ROWS
    )


def open_published(path: Path, suffix: str) -> Published:
    """Open an object whose bytes were verified."""
    if suffix == PARQUET:
        return pl.scan_parquet(path)
    return path.read_bytes() if suffix == DOCUMENT else path


def count_rows(path: Path, suffix: str) -> int:
    """Count the rows of a table; a capture or document counts as one."""
    return int(pl.scan_parquet(path).select(pl.len()).collect().item()) if suffix == PARQUET else 1
