"""Whether raw tables tell the whole story: the recorded time, every replayed row, and a gap for what is invalid.

Belongs here: a table held against what it should speak of: the recording, the replay, another table of the pass.
Does not: rules about a row on its own (quality), how much is enough (settings).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.blocks import blocks
from trading_assets.raw.fingerprint import Fingerprint
from trading_assets.raw.messages import Int64s
from trading_assets.raw.rebuilding.findings import Counts
from trading_assets.storage.formats import ROW_GROUP_ROWS

_NEVER: Final = np.iinfo(np.int64).max


def interval_coverage(frame: pl.LazyFrame, recorded: Sequence[tuple[int, int]]) -> float:
    """Return the share of the recorded time that lies between the first and last row of its interval.

    Args:
        frame: any table with `ts_recv`.
        recorded: first and last receive time of each interval of the capture, ns since the epoch.

    Returns:
        1.0 where every interval is spanned by rows, 0.0 where none has any; an instant counts as spanned.
    """
    firsts, lasts = np.array(recorded, np.int64).reshape(-1, 2).T
    since, until = np.full(len(firsts), _NEVER), np.full(len(firsts), -_NEVER)
    n_times = 0
    for block in blocks(frame, [schema.TS_RECV]):
        times = block[schema.TS_RECV].dt.timestamp("ns").drop_nulls().sort().to_numpy()
        begins, ends = np.searchsorted(times, firsts), np.searchsorted(times, lasts, side="right")
        some = begins < ends
        since[some] = np.minimum(since[some], times[begins[some]])
        until[some] = np.maximum(until[some], times[ends[some] - 1])
        n_times += len(times)
    spanned, total = int((until - since)[until >= since].sum()), int((lasts - firsts).sum())
    return spanned / total if total else float(n_times > 0)


def stale_share(counts: Counts) -> float:
    """Return the share of depth updates and snapshots that the book was ahead of, so that it passed them over.

    One corrupt update id, far too large, freezes the book without a gap: all that follows is behind it.
    """
    stale = counts.ignored.get("stale", 0)
    n_book = counts.used["depth_update"] + counts.used["snapshot"] + stale
    return stale / n_book if n_book else 0.0


def rows_altered(staged: pl.LazyFrame, made: Fingerprint) -> int:
    """Count the rows of `ROW_GROUP_ROWS` that are not all read back as they were made, and those missing or additional.

    Args:
        staged: a table as a reader would get it.
        made: the fingerprint of the same table as the replay handed it over.

    Returns:
        0 if and only if every value is the same, in the same row and column, of the same dtype; at least 1 where not.
    """
    n_rows = int(staged.select(pl.len()).collect().item())
    if made.schema != staged.collect_schema():
        return max(n_rows, made.n_rows, 1)
    n_shared = min(n_rows, made.n_rows)
    found = Fingerprint.of(staged.head(n_shared)).digests()
    differ = [n for n, (a, b) in enumerate(zip(found, made.digests(), strict=False)) if a != b]
    n_differ = sum(min(n_shared - n * ROW_GROUP_ROWS, ROW_GROUP_ROWS) for n in differ)
    return abs(n_rows - made.n_rows) + n_differ


def rows_unexplained(invalid: Int64s | pl.Series, gaps: pl.LazyFrame) -> int:
    """Count the invalid rows of a book that no gap of the ledger covers.

    Args:
        invalid: receive times of the rows that are not valid, ns since the epoch, in any order.
        gaps: `schema.FEED_GAPS`.
    """
    of_book = gaps.filter(pl.col(schema.CAUSE).is_in(schema.BOOK_CAUSES)).select(
        *(pl.col(name).dt.timestamp("ns") for name in (schema.TS_KNOWN, schema.TS_END))
    )
    spans = of_book.collect()
    known, ends = (spans[name].drop_nulls().sort().to_numpy() for name in (schema.TS_KNOWN, schema.TS_END))
    asked = np.asarray(invalid, np.int64)
    n_open = np.searchsorted(known, asked, side="right") - np.searchsorted(ends, asked, side="left")
    return int((n_open <= 0).sum())
