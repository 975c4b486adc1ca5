"""The working table: at each tick the book as it was known, and what arrived since the tick before.

Belongs here: from raw rows to one row a tick, and which of those rows may be trusted.
Does not: features; they are expressions over this table (prices.py, depth.py, flow.py, trades.py, volatility.py).
"""

from typing import Final

import polars as pl

from trading_assets.features import flow
from trading_assets.features import gaps as ledger
from trading_assets.features import trades as tape
from trading_assets.features.columns import IS_BOOK_KNOWN, IS_BOOK_WHOLE, IS_TAPE_WHOLE, flow_at
from trading_assets.features.grid import TICK, epoch_ns, first_tick, follows_a_tick, living_ticks
from trading_assets.schema import FIELDS, IS_VALID, SIDES, TS_END, TS_KNOWN, TS_RECV, level

_ROWS_WHOLE: Final = "rows_whole"
_BOOK_GAP: Final = "book_gap"
_BOOK_GAP_TICK: Final = "book_gap_tick"
_TAPE_GAP_TICK: Final = "tape_gap_tick"


def tick_frame(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, *, levels: int, grid_ns: int
) -> pl.LazyFrame:
    """Bring the raw tables onto the grid, one row a living tick.

    Args:
        book: `schema.l2_snapshots` of any depth, in the venue's order, so that `ts_recv` never falls.
        trades: `schema.TRADES`, in any order.
        gaps: `schema.FEED_GAPS`, in any order.
        levels: how many levels to bring along; those that the book does not have are null.
        grid_ns: distance between ticks.

    Returns:
        `tick`; the ladder and `ts_recv` (Int64 ns) of the last book row received by the tick, null where that row
        is invalid or the tick lies inside a known gap; `flow_00` … and the tape's sums over (tick - grid, tick];
        and the flags of columns.py.
    """
    have = _depth(book, levels)
    arrivals = _arrivals(book, have, grid_ns)
    ticks = (
        living_ticks(arrivals, grid_ns)
        .join_asof(_ladder(book, have), left_on=TICK, right_on=TS_RECV, coalesce=False)
        .join(arrivals.drop(TS_RECV), on=TICK, how="left", maintain_order="left")
        .join(tape.per_tick(trades, grid_ns), on=TICK, how="left", maintain_order="left")
    )
    return _padded(_judged(_with_gaps(ticks, gaps, grid_ns), have, grid_ns), have, levels)


def _depth(book: pl.LazyFrame, levels: int) -> int:
    names = set(book.collect_schema().names())
    return sum(level("bid", "px", n) in names for n in range(levels))


def _ladder_names(n_from: int, n_to: int) -> list[str]:
    return [level(side, field, n) for n in range(n_from, n_to) for side in SIDES for field in FIELDS]


def _ladder(book: pl.LazyFrame, have: int) -> pl.LazyFrame:
    return book.select(epoch_ns(TS_RECV), IS_VALID, *_ladder_names(0, have))


def _arrivals(book: pl.LazyFrame, have: int, grid_ns: int) -> pl.LazyFrame:
    """Sum what book rows brought, by the first tick that knows of them.

    Rows are gathered into lists and each list is summed: the order of addition is the order of the rows, whatever the
    number of threads, the chunks of the input, or what comes after. A plain grouped sum promises none of that.
    """
    is_valid = pl.col(IS_VALID).fill_null(value=False)
    flows = [flow.event_flow(n).alias(flow_at(n)) for n in range(have)]
    rows = book.select(
        first_tick(epoch_ns(TS_RECV), grid_ns).alias(TICK),
        epoch_ns(TS_RECV),
        (is_valid & is_valid.shift(1, fill_value=False)).alias(_ROWS_WHOLE),
        *flows,
    )
    names = [flow_at(n) for n in range(have)]
    return (
        rows.group_by(TICK, maintain_order=True)
        .agg(pl.col(TS_RECV).last(), pl.col(_ROWS_WHOLE).all(), *names)
        .with_columns(pl.col(names).list.sum())
    )


def _with_gaps(ticks: pl.LazyFrame, gaps: pl.LazyFrame, grid_ns: int) -> pl.LazyFrame:
    """Add the ends of the gaps known by each tick: exact for the instant, in whole ticks for (tick - grid, tick]."""
    known = epoch_ns(TS_KNOWN)
    end = pl.when(pl.col(TS_END).is_not_null()).then(pl.max_horizontal(known, epoch_ns(TS_END)))
    in_ticks = {"start": first_tick(known, grid_ns), "end": first_tick(end, grid_ns)}
    of_book = ledger.because_of(gaps, ledger.BOOK_CAUSES)
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
        IS_BOOK_WHOLE: follows & is_valid & pl.col(_ROWS_WHOLE).fill_null(value=True) & ~_reaches(_BOOK_GAP_TICK),
        IS_TAPE_WHOLE: follows & ~_reaches(_TAPE_GAP_TICK),
    }
    known = [pl.when(IS_BOOK_KNOWN).then(pl.col(name)).alias(name) for name in (TS_RECV, *_ladder_names(0, have))]
    flows = [_counted(flow_at(n), IS_BOOK_WHOLE) for n in range(have)]
    traded = [_counted(name, IS_TAPE_WHOLE) for name in tape.SUMS]
    return ticks.with_columns(**flags).select(TICK, *flags, *known, *flows, *traded)


def _reaches(end: str, *, beyond: bool = False) -> pl.Expr:
    """Tell whether a gap's end is at the tick or after it (`beyond`: strictly after it)."""
    reached = pl.col(end) > pl.col(TICK) if beyond else pl.col(end) >= pl.col(TICK)
    return reached.fill_null(value=False)


def _counted(name: str, is_whole: str) -> pl.Expr:
    """Return a tick's sum: nothing arrived is 0, not known is null."""
    return pl.when(is_whole).then(pl.col(name).fill_null(0)).alias(name)


def _padded(ticks: pl.LazyFrame, have: int, levels: int) -> pl.LazyFrame:
    absent = [*_ladder_names(have, levels), *(flow_at(n) for n in range(have, levels))]
    return ticks.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent)
