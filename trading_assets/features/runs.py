"""Arrivals cut into runs of ticks, so that features of a long day are computed some thousand ticks at a time.

Belongs here: which ticks come next, and what has to be known of those before. Does not: features (matrix.py).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from trading_assets.features.grid import TICK, Ticks, living_ticks
from trading_assets.schema import TS_RECV

RUN_TICKS = 4_096
"""Ticks of which features are computed, written and read together: all features of so many take some 2 MB."""
_BEFORE_ALL: Final = -1  # no tick lies before 1970


class Run(NamedTuple):
    """Ticks one after the other, with what stood at them."""

    arrived: pl.DataFrame  # `Arrivals.frame`, the rows that `ticks` names
    ticks: Ticks
    n_before: int  # of the ticks, those that are only looked back at


class Runs:
    """What has arrived and is not yet used up. A copy goes its own way."""

    def __init__(self, *, grid_ns: int, look_back: int) -> None:
        self._grid_ns, self._look_back = grid_ns, look_back
        self._parts: tuple[pl.DataFrame, ...] = ()
        self._n_new = 0
        self._done = _BEFORE_ALL

    def add(self, arrived: pl.DataFrame) -> Iterator[Run]:
        """Add the next rows of `Arrivals.frame`; yield runs of ticks once there are enough."""
        self._parts = (*self._parts, arrived)
        self._n_new += arrived.height
        if self._n_new >= RUN_TICKS:
            yield from self.rest()

    def rest(self) -> Iterator[Run]:
        """Yield all ticks that are not done, some thousand at a time, and forget what no later one looks back at."""
        if not self._parts:
            return
        known = pl.concat(self._parts)
        ticks = living_ticks(known[TICK].to_numpy(), known[TS_RECV].to_numpy(), self._grid_ns)
        n_ticks, n_done = len(ticks.tick), int(np.searchsorted(ticks.tick, self._done, side="right"))
        first_row = ticks.row[-self._look_back :][:1]
        self._parts, self._n_new = (known if n_ticks == 0 else known[int(first_row[0]) :],), 0
        self._done = max(self._done, int(ticks.tick[-1])) if n_ticks else self._done
        n_runs = max(1, (n_ticks - n_done) // RUN_TICKS) if n_ticks > n_done else 0
        ends = [n_done + (n_ticks - n_done) * (n + 1) // n_runs for n in range(n_runs)]
        for start, end in pairwise([n_done, *ends]):
            since = max(0, start - self._look_back)
            yield _run(known, ticks, slice(since, end), n_before=start - since)

    def skip(self, until_ns: int) -> None:
        """Take the ticks up to one for done."""
        self._done = until_ns


def _run(known: pl.DataFrame, ticks: Ticks, some: slice, *, n_before: int) -> Run:
    tick, row, is_new = ticks.tick[some], ticks.row[some], ticks.is_new[some]
    first, last = int(row[0]), int(row[-1])
    return Run(known[first : last + 1], Ticks(tick, row - first, is_new), n_before)
