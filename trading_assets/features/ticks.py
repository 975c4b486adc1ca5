"""The working table: at each tick the book as it was known, and what arrived since the tick before.

Belongs here: one row for each living tick, and which of those rows may be trusted.
Does not: walking the book (arrivals.py) or the tape (trades.py). Features are expressions over this table (prices.py,
depth.py, flow.py, trades.py, volatility.py).
"""

from typing import Final

import polars as pl

from trading_assets.features import gaps as ledger
from trading_assets.features import trades as tape
from trading_assets.features.arrivals import Arrivals, depth_of, ladder
from trading_assets.features.columns import IS_BOOK_KNOWN, IS_BOOK_WHOLE, IS_TAPE_WHOLE, N_TRADES, ROWS_WHOLE, flow_at
from trading_assets.features.grid import TICK, epoch_ns, first_tick, follows_a_tick, living_ticks
from trading_assets.schema import BOOK_CAUSES, IS_VALID, TS_END, TS_KNOWN, TS_RECV

_BOOK_GAP: Final = "book_gap"
_BOOK_GAP_TICK: Final = "book_gap_tick"
_TAPE_GAP_TICK: Final = "tape_gap_tick"


def tick_frame(
    ticks: pl.DataFrame,
    arrived: pl.DataFrame,
    traded: pl.DataFrame,
    gaps: pl.LazyFrame,
    *,
    levels: int,
    grid_ns: int,
) -> pl.LazyFrame:
    """Bring what arrived onto the grid, one row a tick.

    Args:
        ticks: `grid.living_ticks` without a break; of the first it is not known whether it follows another.
        arrived: `Arrivals.frame`.
        traded: `trades.per_tick`.
        gaps: `schema.FEED_GAPS`, in any order.
        levels: how many levels there shall be; those that the book does not have are null.
        grid_ns: distance between ticks.

    Returns:
        `tick`; the ladder and `ts_recv` (Int64 ns) of the last book row received by the tick, null where that row
        is invalid or the tick lies inside a known gap; `flow_00` … and the tape's sums over (tick - grid, tick];
        and the flags of columns.py.
    """
    have = depth_of(arrived, levels)
    standing = [TS_RECV, IS_VALID, *ladder(0, have)]
    table = (
        ticks.lazy()
        .join_asof(arrived.lazy().select(standing), left_on=TICK, right_on=TS_RECV, coalesce=False)
        .join(arrived.lazy().drop(standing), on=TICK, how="left", maintain_order="left")
        .join(traded.lazy(), on=TICK, how="left", maintain_order="left")
    )
    return _padded(_judged(_with_gaps(table, gaps, grid_ns), have, grid_ns), have, levels)


def count_ticks(book: pl.LazyFrame, *, grid_ns: int) -> int:
    """Count the living ticks of a book, by its receive times alone."""
    arrived = Arrivals.of(book, levels=0, grid_ns=grid_ns).frame()
    return int(living_ticks(arrived.lazy(), grid_ns).select(pl.len()).collect().item())


def _with_gaps(ticks: pl.LazyFrame, gaps: pl.LazyFrame, grid_ns: int) -> pl.LazyFrame:
    """Add the ends of the gaps known by each tick: exact for the instant, in whole ticks for (tick - grid, tick]."""
    known = epoch_ns(TS_KNOWN)
    end = pl.when(pl.col(TS_END).is_not_null()).then(pl.max_horizontal(known, epoch_ns(TS_END)))
    in_ticks = {"start": first_tick(known, grid_ns), "end": first_tick(end, grid_ns)}
    of_book = ledger.because_of(gaps, BOOK_CAUSES)
    of_tape = ledger.because_of(gaps, ledger.TRADE_CAUSES)
    ticks = ledger.with_latest_end(ticks, of_book, asked=TICK, start=known, end=end, name=_BOOK_GAP)
    ticks = ledger.with_latest_end(ticks, of_book, asked=TICK, **in_ticks, name=_BOOK_GAP_TICK)
    return ledger.with_latest_end(ticks, of_tape, asked=TICK, **in_ticks, name=_TAPE_GAP_TICK)


def _judged(ticks: pl.LazyFrame, have: int, grid_ns: int) -> pl.LazyFrame:
    """Set the flags, and null what may not be used."""
    is_valid = pl.col(IS_VALID).fill_null(value=False)
    follows = follows_a_tick(grid_ns)
    flags = {
        IS_BOOK_KNOWN: is_valid & ~_reaches(_BOOK_GAP, beyond=True),
        IS_BOOK_WHOLE: follows & is_valid & pl.col(ROWS_WHOLE).fill_null(value=True) & ~_reaches(_BOOK_GAP_TICK),
        IS_TAPE_WHOLE: follows & ~_reaches(_TAPE_GAP_TICK),
    }
    known = [pl.when(IS_BOOK_KNOWN).then(pl.col(name)).alias(name) for name in (TS_RECV, *ladder(0, have))]
    flows = [_counted(flow_at(n), IS_BOOK_WHOLE) for n in range(have)]
    traded = [_counted(name, IS_TAPE_WHOLE) for name in tape.SUMS]
    return ticks.with_columns(**flags).select(TICK, *flags, *known, *flows, *traded)


def _reaches(end: str, *, beyond: bool = False) -> pl.Expr:
    """Tell whether a gap's end is at the tick or after it (`beyond`: strictly after it)."""
    reached = pl.col(end) > pl.col(TICK) if beyond else pl.col(end) >= pl.col(TICK)
    return reached.fill_null(value=False)


def _counted(name: str, is_whole: str) -> pl.Expr:
    """Return a tick's sum: nothing arrived is 0, not known is null."""
    known = pl.col(name).fill_null(0)
    return pl.when(is_whole).then(known if name == N_TRADES else known.fill_nan(None)).alias(name)


def _padded(ticks: pl.LazyFrame, have: int, levels: int) -> pl.LazyFrame:
    absent = [*ladder(have, levels), *(flow_at(n) for n in range(have, levels))]
    return ticks.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent)
