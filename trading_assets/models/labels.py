"""What the mid did after each tick. The only module of the project that looks ahead.

Belongs here: labels, and nothing that a forecast could be made from.
Does not: features. A label may also use what the gap ledger learnt later, such as when a gap had really begun.
"""

from typing import Final

import polars as pl

from trading_assets.features.gaps import FOREVER, LatestEnds, because_of
from trading_assets.features.grid import epoch_ns, nanoseconds, whole_ticks
from trading_assets.features.prices import BPS
from trading_assets.schema import BOOK_CAUSES, TS_END, TS_GRID, TS_KNOWN, TS_START, class_fwd, labels, ret_fwd_bps
from trading_assets.sections import LabelSettings

MID: Final = "mid_px"
_MID_AHEAD: Final = "mid_ahead"
_AHEAD: Final = "ahead"


def label_frame(features: pl.LazyFrame, gaps: pl.LazyFrame, settings: LabelSettings, *, grid_s: float) -> pl.LazyFrame:
    """Label every tick g with the return of the mid from g to exactly g + h, for each horizon h.

    A label is null where one of the two mids is missing, and where [g, g + h] touches a gap of the book
    ([ts_start, ts_end], without end while it is open). A move within `settings.flat_bps` is class 0.

    Args:
        features: `ts_grid`, rising, and `mid_px`; other columns are ignored.
        gaps: `schema.FEED_GAPS`.
        settings: horizons and the width of the flat class.
        grid_s: distance between ticks in seconds.

    Returns:
        `schema.labels(settings.horizons_s)`, a row for each row of `features`.

    Raises:
        InvalidSettings: a horizon is not a whole number of grid steps.
    """
    for seconds in settings.horizons_s:
        whole_ticks(seconds, grid_s)
    ends = _ends_of_gaps(because_of(gaps.collect(), BOOK_CAUSES))
    labelled = features.select(TS_GRID, MID)
    for seconds in settings.horizons_s:
        labelled = _with_return(labelled, ends, seconds)
    return labelled.with_columns(_class(h, settings.flat_bps) for h in settings.horizons_s).select(
        *labels(settings.horizons_s)
    )


def _with_return(labelled: pl.LazyFrame, gaps: LatestEnds, seconds: float) -> pl.LazyFrame:
    """Add `ret_fwd_*_bps` of one horizon."""
    now, ahead = epoch_ns(TS_GRID), epoch_ns(TS_GRID) + nanoseconds(seconds)
    mids_ahead = labelled.select(now.alias(_AHEAD), pl.col(MID).alias(_MID_AHEAD))
    paired = labelled.with_columns(ahead.alias(_AHEAD)).join(mids_ahead, on=_AHEAD, how="left", maintain_order="left")
    latest_end = pl.col(_AHEAD).map_batches(lambda ns: pl.Series(gaps.by(ns.to_numpy())), return_dtype=pl.Int64)
    moved = BPS * (pl.col(_MID_AHEAD) / pl.col(MID) - 1)
    value = pl.when((latest_end < now) & moved.is_finite()).then(moved).alias(ret_fwd_bps(seconds))
    return paired.with_columns(value).drop(_AHEAD, _MID_AHEAD)


def _ends_of_gaps(of_book: pl.DataFrame) -> LatestEnds:
    start = epoch_ns(TS_START).fill_null(epoch_ns(TS_KNOWN))
    spans = of_book.select(start.alias(TS_START), epoch_ns(TS_END).fill_null(FOREVER))
    return LatestEnds(spans[TS_START].to_numpy(), spans[TS_END].to_numpy())


def _class(seconds: float, flat_bps: float) -> pl.Expr:
    """Return the direction of the return: -1, 0 or 1, null where the return is null."""
    moved = pl.col(ret_fwd_bps(seconds))
    direction = pl.when(moved.abs() <= flat_bps).then(0.0).otherwise(moved.sign())
    return direction.cast(pl.Int8).alias(class_fwd(seconds))
