"""The gap ledger as a question: does this span of time touch a gap?

Belongs here: which causes spoil which stream, and overlap of spans with ledger intervals.
Does not: how gaps are found (raw), or what a table does about them.
"""

from typing import Final

import polars as pl

from trading_assets.schema import CAUSE

TRADE_CAUSES: Final = ("trade_gap",)

_FROM: Final = "gap_from"
_UNTIL: Final = "gap_until"
_FOREVER: Final = 2**63 - 1


def because_of(gaps: pl.LazyFrame, causes: tuple[str, ...]) -> pl.LazyFrame:
    """Keep the ledger rows of these causes."""
    return gaps.filter(pl.col(CAUSE).cast(pl.String).is_in(list(causes)))


def with_latest_end(
    frame: pl.LazyFrame, gaps: pl.LazyFrame, *, asked: str, start: pl.Expr, end: pl.Expr, name: str
) -> pl.LazyFrame:
    """Add the latest end among the gaps that have started by the time in column `asked`; null where none has.

    A span [a, b] touches a gap if and only if the latest end of the gaps started by b is not before a.

    Args:
        frame: rows with a rising Int64 column `asked` (ns since the epoch).
        gaps: ledger rows.
        asked: the column of `frame` to ask about.
        start: Int64 start of a gap, never null.
        end: Int64 end of a gap; null is a gap that is still open, and ends never.
        name: the Int64 column to add.
    """
    ends = (
        gaps.select(start.alias(_FROM), end.fill_null(_FOREVER).alias(_UNTIL))
        .group_by(_FROM)
        .agg(pl.col(_UNTIL).max())
        .sort(_FROM)
        .with_columns(pl.col(_UNTIL).cum_max().alias(name))
        .drop(_UNTIL)
    )
    return frame.join_asof(ends, left_on=asked, right_on=_FROM, coalesce=True).drop(_FROM, strict=False)
