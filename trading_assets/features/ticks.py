"""The working table: at each tick the book as it was known, and what arrived since the tick before.

Belongs here: one row for each living tick, and which of those rows may be trusted.
Does not: walking the book (arrivals.py) or the tape (trades.py). Features are expressions over this table (prices.py,
depth.py, flow.py, trades.py, volatility.py).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

import numpy as np
import polars as pl

from trading_assets.features import trades as tape
from trading_assets.features.arrivals import Arrivals, depth_of, ladder
from trading_assets.features.columns import IS_BOOK_WHOLE, ROWS_WHOLE, SQUARED_MOVE, flow_at, flow_to, size_to, table_of
from trading_assets.features.gaps import FOREVER, TRADE_CAUSES, LatestEnds
from trading_assets.features.grid import TICK, epoch_ns, first_tick, living_ticks, nanoseconds
from trading_assets.features.registry import depths, windows
from trading_assets.features.runs import Run
from trading_assets.features.sums import with_sums
from trading_assets.features.volatility import squared_move
from trading_assets.raw.messages import Bools, Floats, Int64s
from trading_assets.schema import BOOK_CAUSES, CAUSE, IS_VALID, SIDES, TS_END, TS_KNOWN, TS_RECV, level
from trading_assets.sections import FeatureSettings

_IS_KNOWN: Final = "is_known"


class KnownGaps(NamedTuple):
    """Until when gaps last that are known by a tick: exact for the instant, in whole ticks for (tick - grid, tick]."""

    book: LatestEnds
    book_in_ticks: LatestEnds
    tape_in_ticks: LatestEnds

    @classmethod
    def of(cls, gaps: pl.DataFrame, *, grid_ns: int) -> Self:
        """Read a ledger (`schema.FEED_GAPS`, in any order)."""
        spans = gaps.select(epoch_ns(TS_KNOWN), epoch_ns(TS_END).fill_null(FOREVER), pl.col(CAUSE).cast(pl.String))
        known, end = spans[TS_KNOWN].to_numpy(), spans[TS_END].to_numpy()
        end = np.maximum(known, end)
        tick = first_tick(known, grid_ns)
        end_tick = np.where(end == FOREVER, FOREVER, first_tick(end, grid_ns))
        of_book, of_tape = (spans[CAUSE].is_in(causes).to_numpy() for causes in (BOOK_CAUSES, TRADE_CAUSES))
        return cls(
            LatestEnds(known[of_book], end[of_book]),
            LatestEnds(tick[of_book], end_tick[of_book]),
            LatestEnds(tick[of_tape], end_tick[of_tape]),
        )


def tick_frame(run: Run, traded: pl.DataFrame, gaps: KnownGaps, settings: FeatureSettings) -> pl.DataFrame:
    """Bring what arrived onto the grid, one row a tick.

    Args:
        run: ticks without a break; of the first it is not known whether it follows another.
        traded: `trades.per_tick`.
        gaps: what is known of them.
        settings: the grid, and how many levels there shall be; those that the book does not have are null.

    Returns:
        `tick`; `ts_recv` (Int64 ns), the best level and the sizes of the best levels together of the last book row
        received by the tick, null where that row is invalid or the tick lies inside a known gap; `flow_00` …, those of
        the best levels together and the tape's sums over (tick - grid, tick]; the other two of columns.py; and the
        sums of these over windows (sums.py).
    """
    arrived, (tick, row, is_new) = run.arrived, run.ticks
    have = depth_of(arrived, settings.levels)
    is_valid, rows_whole = (arrived[name].to_numpy()[row] for name in (IS_VALID, ROWS_WHOLE))
    follows = np.diff(tick, prepend=tick[:1]) == nanoseconds(settings.grid_s)
    is_known = is_valid & (gaps.book.by(tick) <= tick)
    is_whole = follows & is_valid & (rows_whole | ~is_new) & (gaps.book_in_ticks.by(tick) < tick)
    is_tape_whole = follows & (gaps.tape_in_ticks.by(tick) < tick)

    columns = {name: np.where(is_known, arrived[name].to_numpy()[row], np.nan) for name in ladder(0, 1)}
    for side in SIDES:
        sizes = _at(row, arrived, [level(side, "sz", n) for n in range(have)])
        sizes = np.where(np.isnan(sizes), 0.0, sizes)
        columns |= _together(sizes, is_known, {size_to(side, n): n for n in depths(settings)})
    flows = np.where(is_new, _at(row, arrived, [flow_at(n) for n in range(have)]), 0.0)
    columns |= {flow_at(n): np.where(is_whole, flow, np.nan) for n, flow in enumerate(flows)}
    columns |= _together(flows, is_whole, {flow_to(n): n for n in depths(settings)})
    columns |= {flow_at(n): np.full(len(tick), np.nan) for n in range(have, settings.levels)}
    for name, total in tape.at_ticks(traded, tick).items():
        columns[name] = np.where(is_tape_whole, total, np.nan)

    of_row = {TS_RECV: arrived[TS_RECV].to_numpy()[row], _IS_KNOWN: is_known, IS_BOOK_WHOLE: is_whole}
    table = table_of({TICK: tick, **of_row, **columns}, nan_to_null=True).with_columns(
        pl.when(_IS_KNOWN).then(TS_RECV).alias(TS_RECV), squared_move()
    )
    return with_sums(table, _summed(settings), windows(settings))


def count_ticks(book: pl.LazyFrame, *, grid_ns: int) -> int:
    """Count the living ticks of a book, by its receive times alone."""
    arrived = Arrivals.of(book, levels=0, grid_ns=grid_ns).frame()
    return len(living_ticks(arrived[TICK].to_numpy(), arrived[TS_RECV].to_numpy(), grid_ns).tick)


def _summed(settings: FeatureSettings) -> list[str]:
    """Name the columns that features sum over windows."""
    flows = [*(flow_at(n) for n in range(settings.levels)), *(flow_to(n) for n in depths(settings))]
    return [*flows, *tape.SUMS, IS_BOOK_WHOLE, SQUARED_MOVE]


def _at(row: Int64s, arrived: pl.DataFrame, names: list[str]) -> Floats:
    """Return some columns at some rows, `[len(names), len(row)]`, NaN where there is no value."""
    return np.array([arrived[name].to_numpy()[row] for name in names]).reshape(len(names), len(row))


def _together(of_levels: Floats, is_known: Bools, depth: Mapping[str, int]) -> dict[str, Floats]:
    """Add levels up, `[levels, n]`, the best first; those that a book does not have add nothing."""
    up_to = np.cumsum(of_levels, axis=0)
    return {name: np.where(is_known, up_to[min(n, len(up_to)) - 1], np.nan) for name, n in depth.items()}
