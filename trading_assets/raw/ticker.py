"""Which of the venue's own best bid and ask messages could be held against the rebuilt book, and why not the others.

Belongs here: the count and its explanation. Does not: whether those that were compared agree (quality).
"""

import numpy as np
import polars as pl

from trading_assets import schema


def comparable_tickers(snapshots: pl.DataFrame, tickers: pl.DataFrame) -> dict[str, int]:
    """Count tickers by what the book can say about them.

    A ticker carries the id of one change; a depth update covers a range of ids and shows the book at its last.

    Args:
        snapshots: `schema.l2_snapshots`.
        tickers: `RawDay.tickers`.

    Returns:
        compared: the id is the last of a valid row. inside_an_update: between two valid rows, so that the book of that
        instant was never sent. before_the_book, after_the_book: outside the ids of all valid rows.
    """
    ids = snapshots.filter(schema.IS_VALID)[schema.SEQ_LAST].unique().sort().to_numpy()
    asked = tickers[schema.SEQ_LAST].to_numpy()
    if not len(ids):
        return {"compared": 0, "inside_an_update": 0, "before_the_book": len(asked), "after_the_book": 0}
    compared = int(np.isin(asked, ids).sum())
    before, after = int((asked < ids[0]).sum()), int((asked > ids[-1]).sum())
    return {
        "compared": compared,
        "inside_an_update": len(asked) - compared - before - after,
        "before_the_book": before,
        "after_the_book": after,
    }
