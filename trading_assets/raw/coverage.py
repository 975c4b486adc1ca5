"""How much of the recorded time a table speaks of.

Belongs here: coverage over the intervals in which the recorder was listening.
Does not: which intervals those are (sources/summary), how much is enough (settings).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from trading_assets import schema


def interval_coverage(frame: pl.LazyFrame, recorded: Sequence[tuple[int, int]]) -> float:
    """Return the share of the recorded time that lies between the first and last row of its interval.

    Args:
        frame: any table with `ts_recv`.
        recorded: first and last receive time of each interval of the capture, ns since the epoch.

    Returns:
        1.0 where every interval is spanned by rows, 0.0 where none has any; an instant counts as spanned.
    """
    times = frame.select(pl.col(schema.TS_RECV).dt.timestamp("ns").sort()).collect().to_series().to_numpy()
    spanned = 0
    for first, last in recorded:
        inside = times[np.searchsorted(times, first) : np.searchsorted(times, last, side="right")]
        spanned += int(inside[-1] - inside[0]) if len(inside) else 0
    total = sum(last - first for first, last in recorded)
    return spanned / total if total else float(len(times) > 0)
