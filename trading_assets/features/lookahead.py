"""The audit against the future: what is published at g must be what could be computed at g.

Belongs here: recomputing features from the past of a cut, and comparing bit by bit.
Does not: the features, or what a gate makes of the count.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import polars as pl

from trading_assets.features.arrivals import Arrivals, depth_of
from trading_assets.features.grid import epoch_ns, nanoseconds
from trading_assets.features.matrix import feature_runs
from trading_assets.features.trades import per_tick
from trading_assets.raw.blocks import blocks
from trading_assets.schema import TIME, TS_END, TS_GRID, TS_KNOWN, TS_RECV
from trading_assets.sections import FeatureSettings

_HERE: Final = "is_here"


def lookahead_rows(
    published: pl.DataFrame,
    book: pl.LazyFrame,
    trades: pl.LazyFrame,
    gaps: pl.LazyFrame,
    settings: FeatureSettings,
    *,
    cuts: int,
) -> int:
    """Count published rows that differ from what their own past gives, over some cuts.

    At each of `cuts` ticks, spread evenly over the table, the features are computed anew from what had been received by
    that tick; every row up to it must be there and equal in every bit. A row is counted once.

    Args:
        published: the table to audit, `feature_schema(settings)`.
        book: the inputs it was made from, whole.
        trades: likewise.
        gaps: likewise.
        settings: what it was made with.
        cuts: how many ticks to cut at; each costs at most one computation of the whole table, all together one walk of
            the book.

    Returns:
        The number of ticks whose row is different, missing or too many.
    """
    grid_ns = nanoseconds(settings.grid_s)
    different: set[int] = set()
    for cut_ns, arrived in arrived_by(cut_ticks(published, cuts), book, levels=settings.levels, grid_ns=grid_ns):
        traded = per_tick(trades, grid_ns, until_ns=cut_ns)
        expected = partial(feature_runs, arrived.parts(), traded, gaps_known_at(gaps, cut_ns), settings)
        is_past = published.select(epoch_ns(TS_GRID) <= cut_ns).to_series()
        if not _begins_with(published, expected(), n_rows=int(is_past.sum())):
            different.update(_differing_ticks(published.filter(is_past), pl.concat(expected())))
    return len(different)


def _begins_with(published: pl.DataFrame, runs: Iterator[pl.DataFrame], *, n_rows: int) -> bool:
    """Tell whether the first rows of a table are these, in every bit: to find which differ takes far more memory."""
    n_equal = 0
    for run in runs:
        given = published.slice(n_equal, run.height)
        if given.schema != run.schema or not all(_bits(given[name]).equals(_bits(run[name])) for name in run.columns):
            return False
        n_equal += run.height
    return n_equal == n_rows


def cut_ticks(published: pl.DataFrame, cuts: int) -> list[int]:
    """Choose ticks (ns) evenly spread over the table, the last tick always among them."""
    ticks = published.select(epoch_ns(TS_GRID)).to_series()
    return sorted({int(ticks[len(ticks) * n // cuts - 1]) for n in range(1, cuts + 1) if len(ticks) * n >= cuts})


def arrived_by(cuts: Sequence[int], book: pl.LazyFrame, *, levels: int, grid_ns: int) -> Iterator[tuple[int, Arrivals]]:
    """Yield each cut (ns, rising) with the arrivals of the rows received by it.

    The book is walked once, and what stands at a cut is taken before any later row is added, so it can hang on none.
    To each the book gets one row more, blank and a nanosecond after the cut: it says that the recording went on,
    so that the tick of the cut exists, and nothing else.
    """
    arrivals = Arrivals(depth=depth_of(book, levels), grid_ns=grid_ns)
    blank = pl.DataFrame(schema=book.select(arrivals.columns).collect_schema())
    waiting = deque(cuts)

    def taken() -> tuple[int, Arrivals]:
        cut_ns = waiting.popleft()
        witness = pl.DataFrame({TS_RECV: [cut_ns + 1]}, schema={TS_RECV: TIME})
        return cut_ns, arrivals.and_then(pl.concat([blank, witness], how="diagonal"))

    for block in blocks(book, arrivals.columns):
        rest = block
        while waiting and (is_later := rest.select(epoch_ns(TS_RECV) > waiting[0]).to_series()).any():
            arrivals.add(rest.filter(~is_later))
            rest = rest.filter(is_later)
            yield taken()
        if not waiting:
            return
        arrivals.add(rest)
    while waiting:
        yield taken()


def gaps_known_at(gaps: pl.LazyFrame, cut_ns: int) -> pl.LazyFrame:
    """Cut a ledger down to what was known by `cut_ns`: a gap that was not yet over is open again."""
    cut = pl.lit(cut_ns).cast(TIME)
    return gaps.filter(pl.col(TS_KNOWN) <= cut).with_columns(
        pl.when(pl.col(TS_END) <= cut).then(pl.col(TS_END)).alias(TS_END)
    )


def _differing_ticks(given: pl.DataFrame, expected: pl.DataFrame) -> list[int]:
    """Return the ticks (ns) whose rows are not the same bits in the same columns."""
    if given.schema != expected.schema:
        return [int(ns) for ns in given.select(epoch_ns(TS_GRID)).to_series()]
    both = _with_bits(given).join(_with_bits(expected), on=TS_GRID, how="full", coalesce=True, suffix="_expected")
    names = [name for name in given.columns if name != TS_GRID]
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_expected")) for name in names)
    is_alone = pl.col(_HERE).is_null() | pl.col(f"{_HERE}_expected").is_null()
    return [int(ns) for ns in both.filter(is_new | is_alone).select(epoch_ns(TS_GRID)).to_series()]


def _with_bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(*(_bits(column) for column in frame), pl.lit(value=True).alias(_HERE))


def _bits(column: pl.Series) -> pl.Series:
    """Turn floats into their bits, so that 0.0 and -0.0, or two NaNs, are told apart as bytes are."""
    return column.reinterpret(signed=False) if column.dtype.is_float() else column
