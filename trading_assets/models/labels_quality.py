"""What the gate asks about a table of labels: measures, no verdicts.

Belongs here: counts of broken rules, each 0 in a sound table, found another way than labels.py finds labels.
Does not: thresholds and verdicts (the gate).
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.features.gaps import because_of
from trading_assets.features.grid import epoch_ns, nanoseconds
from trading_assets.models.labels import MID
from trading_assets.schema import BOOK_CAUSES, TS_END, TS_GRID, TS_KNOWN, TS_START, class_fwd, labels, ret_fwd_bps
from trading_assets.sections import LabelSettings

_OPEN: Final = np.iinfo(np.int64).max
_TOLERANCE: Final = 1e-9
"""Returns are recomputed with the operations in another order, so their last bits may differ."""
_PER_HORIZON: Final = ("n_nan", "n_inf", "n_tail_not_null", "n_across_gap", "n_wrong_class", "n_mismatch")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Int64s = NDArray[np.int64]


def label_quality(
    frame: pl.DataFrame, features: pl.DataFrame, gaps: pl.DataFrame, settings: LabelSettings
) -> dict[str, float]:
    """Measure a table of labels against the mids it was made from.

    Args:
        frame: a table that should be `schema.labels(settings.horizons_s)`.
        features: `ts_grid`, rising, and `mid_px` of the same ticks.
        gaps: `schema.FEED_GAPS`.
        settings: horizons and the width of the flat class.

    Returns:
        `n_rows`; `n_wrong_columns`, missing or of another dtype; `n_wrong_rows`, whose tick is not that of the row of
        `features` beside it. Over all horizons: `n_nan`, `n_inf`; `n_tail_not_null`, labels of the last horizon, whose
        future is not in the table; `n_across_gap`, labels whose span touches a gap of the book; `n_wrong_class`;
        `n_mismatch`, returns that are not those of the mids, a null where there should be a value among them; and
        `null_share_worst`. Where columns or rows are wrong, every row counts as broken in every way.
    """
    declared = labels(settings.horizons_s)
    n_wrong_columns = sum(frame.schema.get(name) != dtype for name, dtype in declared.items())
    n_wrong_rows = frame.height if n_wrong_columns else _n_wrong_rows(frame, features)
    shape = {"n_rows": frame.height, "n_wrong_columns": n_wrong_columns, "n_wrong_rows": n_wrong_rows}
    if n_wrong_columns or n_wrong_rows or frame.is_empty():
        return {**shape, **dict.fromkeys(_PER_HORIZON, frame.height), "null_share_worst": 1.0}
    found = [_measure(frame, features, gaps, h, settings.flat_bps) for h in settings.horizons_s]
    totals = {name: sum(one[name] for one in found) for name in _PER_HORIZON}
    return {**shape, **totals, "null_share_worst": max(one["null_share"] for one in found)}


def _n_wrong_rows(frame: pl.DataFrame, features: pl.DataFrame) -> int:
    n_beside = min(frame.height, features.height)
    differs = frame[TS_GRID].head(n_beside).ne_missing(features[TS_GRID].head(n_beside))
    return int(differs.sum()) + abs(frame.height - features.height)


def _measure(
    frame: pl.DataFrame, features: pl.DataFrame, gaps: pl.DataFrame, seconds: float, flat_bps: float
) -> dict[str, float]:
    """Count what is wrong at one horizon."""
    column = frame[ret_fwd_bps(seconds)]
    is_null, values = column.is_null().to_numpy(), column.to_numpy()
    ticks = features.select(epoch_ns(TS_GRID)).to_series().to_numpy()
    is_across = _touches(ticks, ticks + nanoseconds(seconds), gaps)
    expected = np.where(is_across, np.nan, _returns(ticks, features[MID].to_numpy(), seconds))
    classes = frame[class_fwd(seconds)].cast(pl.Float64).to_numpy()
    direction = np.where(np.abs(values) <= flat_bps, 0.0, np.sign(values))
    return {
        "n_nan": int(column.is_nan().sum()),
        "n_inf": int(column.is_infinite().sum()),
        "n_tail_not_null": int((~is_null & (ticks + nanoseconds(seconds) > ticks[-1])).sum()),
        "n_across_gap": int((~is_null & is_across).sum()),
        "n_wrong_class": int((~np.isclose(classes, direction, equal_nan=True)).sum()),
        "n_mismatch": int((~np.isclose(values, expected, _TOLERANCE, _TOLERANCE, equal_nan=True)).sum()),
        "null_share": float(is_null.mean()),
    }


def _returns(ticks: Int64s, mids: Floats, seconds: float) -> Floats:
    """Compute the return to exactly `seconds` later in bps; NaN where there is no such tick, or no mid."""
    wanted = ticks + nanoseconds(seconds)
    found = np.minimum(np.searchsorted(ticks, wanted), len(ticks) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = 10_000 * (mids[found] - mids) / mids
    return np.where((ticks[found] == wanted) & np.isfinite(returns), returns, np.nan)


def _touches(first: Int64s, last: Int64s, gaps: pl.DataFrame) -> Bools:
    """Tell of each span [first, last] whether a gap of the book touches it, one gap after another."""
    of_book = because_of(gaps, BOOK_CAUSES)
    start = epoch_ns(TS_START).fill_null(epoch_ns(TS_KNOWN))
    spans = of_book.select(start, epoch_ns(TS_END).fill_null(_OPEN))
    touched = np.zeros(len(first), dtype=np.bool_)
    for gap_start, gap_end in spans.iter_rows():
        touched |= (gap_start <= last) & (gap_end >= first)
    return touched
