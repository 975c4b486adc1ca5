"""Whether raw tables tell the whole story: the recorded time, every replayed row, and a gap for what is invalid.

Belongs here: a table held against what it should speak of: the recording, the replay, another table of the pass.
Does not: rules about a row on its own (quality), how much is enough (settings).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.rebuilding.rebuild import Counts
from trading_assets.storage.formats import ROW_GROUP_ROWS

BOOK_CAUSES: Final = ("no_snapshot", "sequence_gap", "resync", "crossed")


def interval_coverage(frame: pl.LazyFrame, recorded: Sequence[tuple[int, int]]) -> float:
    """Return the share of the recorded time that lies between the first and last row of its interval.

    Args:
        frame: any table with `ts_recv`.
        recorded: first and last receive time of each interval of the capture, ns since the epoch.

    Returns:
        1.0 where every interval is spanned by rows, 0.0 where none has any; an instant counts as spanned.
    """
    times = frame.select(pl.col(schema.TS_RECV).dt.timestamp("ns").drop_nulls().sort()).collect().to_series().to_numpy()
    spanned = 0
    for first, last in recorded:
        inside = times[np.searchsorted(times, first) : np.searchsorted(times, last, side="right")]
        spanned += int(inside[-1] - inside[0]) if len(inside) else 0
    total = sum(last - first for first, last in recorded)
    return spanned / total if total else float(len(times) > 0)


def stale_share(counts: Counts) -> float:
    """Return the share of depth updates and snapshots that the book was ahead of, so that it passed them over.

    One corrupt update id, far too large, freezes the book without a gap: all that follows is behind it.
    """
    stale = counts.ignored.get("stale", 0)
    n_book = counts.used["depth_update"] + counts.used["snapshot"] + stale
    return stale / n_book if n_book else 0.0


def rows_altered(staged: pl.LazyFrame, made: pl.DataFrame) -> int:
    """Count the rows that are not read back as they were made, missing and additional ones among them.

    Args:
        staged: a table as a reader would get it, of the same columns.
        made: the same table as the replay handed it over.
    """
    n_rows = int(staged.select(pl.len()).collect().item())
    altered = abs(n_rows - made.height)
    for start in range(0, min(n_rows, made.height), ROW_GROUP_ROWS):  # a part at a time bounds memory
        expected = made.slice(start, ROW_GROUP_ROWS)
        found = staged.slice(start, expected.height).collect()
        if not found.equals(expected.head(found.height)):
            both = zip(found.iter_columns(), expected.head(found.height).iter_columns(), strict=True)
            altered += int(pl.DataFrame([a.ne_missing(b).alias(a.name) for a, b in both]).max_horizontal().sum())
    return altered


def rows_unexplained(book: pl.DataFrame, gaps: pl.LazyFrame) -> int:
    """Count the invalid rows of a book that no gap of the ledger covers.

    Args:
        book: `schema.l2_snapshots`.
        gaps: `schema.FEED_GAPS`.
    """
    of_book = gaps.filter(pl.col(schema.CAUSE).is_in(BOOK_CAUSES)).select(
        *(pl.col(name).dt.timestamp("ns") for name in (schema.TS_KNOWN, schema.TS_END))
    )
    spans = of_book.collect()
    known, ends = (spans[name].drop_nulls().sort().to_numpy() for name in (schema.TS_KNOWN, schema.TS_END))
    asked = book.filter(~pl.col(schema.IS_VALID))[schema.TS_RECV].dt.timestamp("ns").to_numpy()
    n_open = np.searchsorted(known, asked, side="right") - np.searchsorted(ends, asked, side="left")
    return int((n_open <= 0).sum())
