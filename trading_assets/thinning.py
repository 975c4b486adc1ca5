"""Series thinned to what a screen can show: of each stretch the lowest, the median and the highest value.

Belongs here: times and values as numbers that can be drawn, and how few of them are enough.
Does not: drawing (plots).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.sources.summary import SILENCE_NS

Floats = NDArray[np.float64]

_NS_PER_DAY: Final = 86_400e9
_ROWS: Final = 32_768
"""Rows that are thinned at once: each takes some copies of its columns."""
_X: Final = "_x"
_STRETCH: Final = "_stretch"
_ENDS: Final = ("_lowest", "_median", "_highest")
MAX_POINTS: Final = 700
"""More points than this along an axis are not told apart on a screen."""
HUGE: Final = 1e100
"""Values beyond are drawn as this: the square of anything drawn must still be a number."""


class Envelope(NamedTuple):
    """A series thinned to at most about `MAX_POINTS` stretches: NaN where nothing is known or nothing was recorded."""

    x: Floats  # [n] days since the epoch, rising
    low: Floats  # [n]
    mid: Floats  # [n] median of the stretch
    high: Floats  # [n]


def drawable(values: pl.Series) -> Floats:
    """Return numbers as floats that can be drawn: NaN where null or not finite, never beyond `HUGE`."""
    floats = values.cast(pl.Float64, strict=False)
    kept = floats.set(~floats.is_finite().fill_null(value=False), None).clip(-HUGE, HUGE)
    return kept.fill_null(float("nan")).to_numpy().copy()


def days(times: pl.Series) -> Floats:
    """Return nanosecond times as matplotlib counts them, in days since the epoch: NaN where null."""
    return times.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy() / _NS_PER_DAY


def envelope(times: pl.Series, values: pl.Series) -> Envelope:
    """Thin a series to the lowest, the median and the highest value of each of about `MAX_POINTS` equal stretches.

    Args:
        times: [n] `schema.TIME`, rising; rows without one are left out.
        values: [n] numbers.
    """
    return envelopes(lambda: [pl.DataFrame({"time": times, "value": values})])["value"]


def envelopes(walk: Callable[[], Iterable[pl.DataFrame]]) -> dict[str, Envelope]:
    """Thin the columns of a table that is too long to be held, as `envelope` does those of one that is not.

    Args:
        walk: gives the table's blocks, as often as it is called: a rising time first, then columns of numbers.
    """
    n_rows, first, last = _extent(walk())
    step = max(last - first, 1e-12) / MAX_POINTS if n_rows > MAX_POINTS else 0.0
    parts: list[pl.DataFrame] = []
    open_rows: pl.DataFrame | None = None
    n_placed = 0
    for part in chain.from_iterable(block.iter_slices(_ROWS) for block in walk()):
        rows = _with_days(part)
        place = ((pl.col(_X) - first) / step).floor() if step else (n_placed + pl.int_range(pl.len())).cast(pl.Float64)
        n_placed += rows.height
        rows = rows.with_columns(place.alias(_STRETCH))
        rows = rows if open_rows is None else pl.concat([open_rows, rows])
        is_over = pl.col(_STRETCH) < pl.col(_STRETCH).max()
        parts.append(_ranges(rows.filter(is_over)))
        open_rows = rows.filter(~is_over)
    if open_rows is None:  # an empty table has no block, whose columns could be named
        return defaultdict(lambda: Envelope(*np.zeros((4, 0))))
    found = pl.concat([*parts, _ranges(open_rows)])
    names = [name for name in open_rows.columns if name not in (_STRETCH, _X)]
    return {
        name: _broken_at_silence(Envelope(found[_X].to_numpy(), *(drawable(found[name + end]) for end in _ENDS)))
        for name in names
    }


def _extent(blocks: Iterable[pl.DataFrame]) -> tuple[int, float, float]:
    """Return how many rows have a time, the first and the last, in days since the epoch."""
    n_rows, first, last = 0, 0.0, 0.0
    for block in blocks:
        times = days(block.to_series(0).drop_nulls())
        if len(times):
            first = float(times[0]) if n_rows == 0 else first
            n_rows, last = n_rows + len(times), float(times[-1])
    return n_rows, first, last


def _with_days(block: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that have a time, as floats that can be drawn; null where they cannot."""
    time, *values = block.get_columns()
    numbers = {column.name: pl.Series(drawable(column)).fill_nan(None) for column in values}
    return pl.DataFrame({_X: days(time), **numbers}).filter(pl.col(_X).is_not_nan())


def _ranges(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the middle of each stretch, and of each column its lowest, median and highest value there."""
    names = [name for name in rows.columns if name not in (_STRETCH, _X)]
    lowest, middle, highest = _ENDS
    return rows.group_by(_STRETCH, maintain_order=True).agg(
        pl.col(_X).mean(),
        *(pl.col(name).min().alias(name + lowest) for name in names),
        *(pl.col(name).median().alias(name + middle) for name in names),
        *(pl.col(name).max().alias(name + highest) for name in names),
    )


def _broken_at_silence(found: Envelope) -> Envelope:
    """Put a NaN where nothing was recorded for long, so that no line is drawn across."""
    apart = np.diff(found.x)
    usual = float(np.median(apart)) if len(apart) else 0.0
    at = np.flatnonzero(apart > max(SILENCE_NS / _NS_PER_DAY, 3 * usual)) + 1
    return Envelope(np.insert(found.x, at, found.x[at - 1]), *(np.insert(part, at, np.nan) for part in found[1:]))
