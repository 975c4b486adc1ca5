"""The gap ledger as a question: does this span of time touch a gap?

Belongs here: which causes spoil which stream, and overlap of spans with ledger intervals.
Does not: how gaps are found (raw), or what a table does about them.
"""

from typing import Final

import numpy as np
import polars as pl

from trading_assets.raw.messages import Int64s
from trading_assets.schema import CAUSE

TRADE_CAUSES: Final = ("trade_gap",)

FOREVER: Final = np.iinfo(np.int64).max
"""The end of a gap that is still open, ns since the epoch."""
_NEVER: Final = np.iinfo(np.int64).min


def because_of(gaps: pl.DataFrame, causes: tuple[str, ...]) -> pl.DataFrame:
    """Keep the ledger rows of these causes."""
    return gaps.filter(pl.col(CAUSE).cast(pl.String).is_in(list(causes)))


class LatestEnds:
    """At any time the latest end among the gaps that have started.

    A span [a, b] touches a gap if and only if the latest end of the gaps started by b is not before a.

    Args:
        start: `[n]` when gaps start, ns since the epoch, in any order.
        end: `[n]` when they end.
    """

    def __init__(self, start: Int64s, end: Int64s) -> None:
        order = np.argsort(start, kind="stable")
        self._start = start[order]
        self._end = np.append(_NEVER, np.maximum.accumulate(end[order]))

    def by(self, ns: Int64s) -> Int64s:
        """Return the latest end of the gaps started by each time; where none has, a time before all others."""
        latest: Int64s = self._end[np.searchsorted(self._start, ns, side="right")]
        return latest
