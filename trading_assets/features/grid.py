"""The time grid: its ticks, and windows of whole ticks.

Belongs here: arithmetic on receive times and ticks, whatever the columns mean.
Does not: books, trades (ticks.py) or the gap ledger (gaps.py).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import polars as pl

from trading_assets.compiled import compiled
from trading_assets.errors import InvalidSettings
from trading_assets.raw.messages import Bools, Int64s
from trading_assets.schema import TIME, horizon

NS: Final = 1_000_000_000
TICK: Final = "tick"
"""A grid instant as whole nanoseconds since the epoch, the working form of `ts_grid`."""
SILENCE_S: Final = 60
"""No tick exists once the last book row is older than this: the recording is taken to have stopped."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span that features look back over, as seconds and as ticks: (g - seconds, g]."""

    seconds: float
    n_ticks: int

    @classmethod
    def of(cls, seconds: float, grid_s: float) -> Self:
        """Express `seconds` in ticks of `grid_s`.

        Raises:
            InvalidSettings: the span is not a whole number of ticks.
        """
        return cls(seconds, whole_ticks(seconds, grid_s))

    @property
    def name(self) -> str:
        """How the span is spelled in a column name: `10s`, `500ms`."""
        return horizon(self.seconds)


def nanoseconds(seconds: float) -> int:
    """Round a span to whole nanoseconds."""
    return round(seconds * NS)


def whole_ticks(seconds: float, grid_s: float) -> int:
    """Count the ticks of `grid_s` in `seconds`.

    Raises:
        InvalidSettings: the grid is finer than a nanosecond, or the span is not a whole number of ticks.
    """
    span, step = nanoseconds(seconds), nanoseconds(grid_s)
    if step <= 0 or span <= 0 or span % step:
        raise InvalidSettings(
            f"settings: a span of {seconds:g} s is not a whole number of grid steps of {grid_s:g} s: "
            "change features.grid_s, features.windows_s or labels.horizons_s"
        )
    return span // step


def epoch_ns(time: str) -> pl.Expr:
    """Return a time column as Int64 nanoseconds since the epoch."""
    return pl.col(time).cast(TIME).cast(pl.Int64)


def first_tick(ns: Int64s, grid_ns: int) -> Int64s:
    """Return the first tick that may know of something at `ns`: the smallest tick >= ns."""
    return -(-ns // grid_ns) * grid_ns


class Runs(NamedTuple):
    """Rows one after the other whose first tick is the same, as `n` runs of `m` rows."""

    tick: Int64s  # [n]
    start: Int64s  # [n] the first row of each
    of_row: Int64s  # [m] the run of each row


def runs_of(ns: Int64s, grid_ns: int) -> Runs:
    """Cut rows at `ns`, in any order, into runs that become known at one tick."""
    tick, start, of_row = (np.empty(len(ns), np.int64) for _ in range(3))
    n = _number_runs(ns, grid_ns, tick, start, of_row)
    return Runs(tick[:n], start[:n], of_row)


@compiled
def _number_runs(ns: Int64s, grid_ns: int, tick: Int64s, start: Int64s, of_row: Int64s) -> int:
    n = 0
    for row in range(len(ns)):
        if n == 0 or not tick[n - 1] - grid_ns < ns[row] <= tick[n - 1]:
            tick[n], start[n] = (ns[row] + (grid_ns - 1)) // grid_ns * grid_ns, row
            n += 1
        of_row[row] = n - 1
    return n


class Ticks(NamedTuple):
    """`n` ticks at which the recording is alive, rising, and the row of the arrivals that stands at each."""

    tick: Int64s  # [n] ns since the epoch
    row: Int64s  # [n] the last row that had arrived
    is_new: Bools  # [n] whether it arrived since the tick before


def living_ticks(tick: Int64s, ts_recv: Int64s, grid_ns: int) -> Ticks:
    """List the ticks at which the recording is alive.

    Tick g is listed if the last book row received by g is at most `SILENCE_S` old, from the first book row to
    the last. That asks only about rows received by g, so cutting the future removes ticks at the end only.

    Args:
        tick: `[m]` rising ticks at which book rows became known.
        ts_recv: `[m]` when the last of them was received, ns since the epoch.
        grid_ns: distance between ticks.
    """
    silent_at = (ts_recv + SILENCE_S * NS) // grid_ns * grid_ns + grid_ns
    n_ticks = np.maximum(1, (np.minimum(tick[1:], silent_at[:-1]) - tick[:-1]) // grid_ns)
    is_reached = tick[-1:] <= ts_recv[-1:]
    n_ticks = np.append(n_ticks, is_reached.astype(np.int64))
    row = np.repeat(np.arange(len(n_ticks)), n_ticks)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(n_ticks) - n_ticks, n_ticks)
    return Ticks(tick[row] + nth * grid_ns, row, nth == 0)
