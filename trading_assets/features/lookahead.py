"""The audit against the future: what is published at g must be what could be computed at g.

Belongs here: recomputing features from the past of a cut, and comparing bit by bit.
Does not: the features, or what a gate makes of the count.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from functools import partial
from itertools import chain
from typing import Final

import polars as pl

from trading_assets.features.arrivals import Arrivals, depth_of
from trading_assets.features.grid import epoch_ns, nanoseconds
from trading_assets.features.matrix import features_of, runs_for
from trading_assets.features.runs import RUN_TICKS, Run
from trading_assets.features.ticks import KnownGaps
from trading_assets.features.trades import per_tick
from trading_assets.raw.blocks import Walk
from trading_assets.schema import TIME, TS_END, TS_GRID, TS_KNOWN, TS_RECV
from trading_assets.sections import FeatureSettings

_HERE: Final = "is_here"


def lookahead_rows(
    published: pl.LazyFrame,
    book: pl.LazyFrame,
    trades: pl.LazyFrame,
    gaps: pl.LazyFrame,
    settings: FeatureSettings,
    *,
    cuts: int,
) -> int:
    """Count published rows that differ from what their own past gives, over some cuts.

    At each of `cuts` ticks, spread evenly over the table, the features since the cut before are computed anew from what
    had been received by that tick; each row must be there and equal in every bit. Rows that an earlier cut has shown
    to need nothing later are not computed again: all cuts together are one walk of the inputs, and one of the table.

    Args:
        published: the table to audit, `feature_schema(settings)`.
        book: the inputs it was made from, whole.
        trades: likewise.
        gaps: likewise.
        settings: what it was made with.
        cuts: how many ticks to cut at.

    Returns:
        The number of ticks whose row is different, missing or too many.
    """
    given = Walk(published, by=TS_GRID, rows=RUN_TICKS)
    n_different = 0
    for expected in rows_of_their_past(cut_ticks(published, cuts), book, trades, gaps, settings):
        some = given.until(expected[TS_GRID].cast(pl.Int64)[-1])
        n_different += _n_different(pl.concat([given.nothing, *some]), expected)
    return n_different + sum(part.height for part in given.rest())


def cut_ticks(published: pl.LazyFrame, cuts: int) -> list[int]:
    """Choose ticks (ns) evenly spread over the table, the last tick always among them."""
    ticks = published.select(epoch_ns(TS_GRID)).collect().to_series().drop_nulls()
    return sorted({int(ticks[len(ticks) * n // cuts - 1]) for n in range(1, cuts + 1) if len(ticks) * n >= cuts})


def rows_of_their_past(
    cuts: Sequence[int], book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, settings: FeatureSettings
) -> Iterator[pl.DataFrame]:
    """Yield the features up to the last cut, each made of what had been received by the first cut not before its tick.

    At a cut (ns, rising) the walk goes two ways. One ends with a row that is blank and a nanosecond after the cut: it
    says that the recording went on, so that the tick of the cut exists, and nothing else. The other reads on.
    """
    grid_ns = nanoseconds(settings.grid_s)
    arrivals, runs = Arrivals(depth=depth_of(book, settings.levels), grid_ns=grid_ns), runs_for(settings)
    blank = pl.DataFrame(schema=book.select(arrivals.columns).collect_schema())
    walk = Walk(book, arrivals.columns, by=TS_RECV)
    for cut_ns in cuts:
        known_gaps = KnownGaps.of(gaps_known_at(gaps, cut_ns).collect(), grid_ns=grid_ns)
        traded = per_tick(trades, grid_ns, until_ns=cut_ns)
        made = partial(features_of, traded=traded, gaps=known_gaps, settings=settings)
        for rows in walk.until(cut_ns):
            arrivals.add(rows)
            yield from map(made, runs.add(arrivals.take()))
        witness = pl.DataFrame({TS_RECV: [cut_ns + 1]}, schema={TS_RECV: TIME})
        ended, ending = arrivals.and_then(pl.concat([blank, witness], how="diagonal")), copy(runs)
        at_cut: Iterator[Run] = chain(ending.add(ended.take()), ending.add(ended.last), ending.rest())
        yield from map(made, at_cut)
        runs.skip(cut_ns)


def gaps_known_at(gaps: pl.LazyFrame, cut_ns: int) -> pl.LazyFrame:
    """Cut a ledger down to what was known by `cut_ns`: a gap that was not yet over is open again."""
    cut = pl.lit(cut_ns).cast(TIME)
    return gaps.filter(pl.col(TS_KNOWN) <= cut).with_columns(
        pl.when(pl.col(TS_END) <= cut).then(pl.col(TS_END)).alias(TS_END)
    )


def _n_different(given: pl.DataFrame, expected: pl.DataFrame) -> int:
    """Count the ticks whose rows are not the same bits in the same columns."""
    if given.schema != expected.schema:
        return max(given.height, expected.height)
    if all(_bits(given[name]).equals(_bits(expected[name])) for name in given.columns):
        return 0
    both = _with_bits(given).join(_with_bits(expected), on=TS_GRID, how="full", coalesce=True, suffix="_expected")
    names = [name for name in given.columns if name != TS_GRID]
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_expected")) for name in names)
    is_alone = pl.col(_HERE).is_null() | pl.col(f"{_HERE}_expected").is_null()
    return both.filter(is_new | is_alone)[TS_GRID].n_unique()


def _with_bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(*(_bits(column) for column in frame), pl.lit(value=True).alias(_HERE))


def _bits(column: pl.Series) -> pl.Series:
    """Turn floats into their bits, so that 0.0 and -0.0, or two NaNs, are told apart as bytes are."""
    return column.reinterpret(signed=False) if column.dtype.is_float() else column
