"""Which columns of two published tables differ, told without holding more than one column of either.

Belongs here: names of columns. Does not: rows and values (tables), finding the files (storage/snapshots).
"""

from pathlib import Path

import polars as pl


def columns_apart(before: Path, after: Path) -> list[str]:
    """List the columns that differ: `+name` and `-name` are in one table only, `name` has other values or another type.

    Values are compared where both tables have as many rows; else nobody can say which belong together.
    """
    tables = [pl.scan_parquet(path) for path in (before, after)]
    here, there = (table.collect_schema() for table in tables)
    gone, new = ([name for name in some if name not in others] for some, others in ((here, there), (there, here)))
    shared = [name for name in here if name in there]
    unlike = [name for name in shared if here[name] != there[name]]
    n_rows = [int(table.select(pl.len()).collect().item()) for table in tables]
    if n_rows[0] == n_rows[1]:
        unlike += [name for name in shared if name not in unlike and not _is_equal(name, *tables)]
    return [*(f"-{name}" for name in gone), *(f"+{name}" for name in new), *sorted(unlike, key=shared.index)]


def _is_equal(name: str, before: pl.LazyFrame, after: pl.LazyFrame) -> bool:
    return before.select(name).collect().equals(after.select(name).collect())
