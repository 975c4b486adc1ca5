"""What a table of features looks like: some over time, and the distribution of each.

Belongs here: drawing `book_features`. Does not: naming or judging features (registry, quality).
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from trading_assets.orchestration.gate import Audit
from trading_assets.plots import (
    BAD,
    BID,
    FAINT,
    INK,
    MUTED,
    as_png,
    draw_envelope,
    name_y,
    new_figure,
    plain,
    say_nothing_to_show,
    span_times,
)
from trading_assets.schema import TS_GRID
from trading_assets.thinning import Floats, drawable, envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS: Final = 7
_BINS: Final = 36
_CELL_IN: Final = 0.72
_TAILS: Final = (0.5, 99.5)
_TINY: Final = 5.6
_OVER_TIME: Final = ("spread_bps", "imbalance_1")
_MUCH: Final = 0.1


def feature_plot(audit: Audit) -> bytes:
    """Draw a staged table of features."""
    return draw_features(audit.staged.collect(), title=f"features of {audit.partition}")


def draw_features(table: pl.DataFrame, *, title: str) -> bytes:
    """Draw what share of features is known and two of them over time, then a histogram of each. Returns PNG bytes.

    A histogram goes from the 0.5 % to the 99.5 % quantile, what lies beyond is counted in its outermost bars; its
    title says which share is null.

    Args:
        table: `ts_grid` and any numeric columns.
        title: what the figure is of.
    """
    names = [name for name in table.columns if name != TS_GRID]
    rows = max(1, -(-len(names) // _ACROSS))
    figure, (known, *some, cells) = new_figure(
        f"{title}: {len(names)} features, {table.height:,} ticks",
        (0.55, *([0.6] * len(_OVER_TIME)), _CELL_IN * rows),
        share_x=False,
        gap_in=0.22,
    )
    share = table.select(pl.mean_horizontal(pl.col(name).is_not_null() for name in names)) if names else table.head(0)
    shown = pl.Series([]) if share.is_empty() else 100 * share.to_series()
    for panel, name in zip((known, *some), ("known, %", *_OVER_TIME), strict=True):
        values = shown if panel is known else table[name] if name in names else pl.Series([None] * table.height)
        draw_envelope(panel, envelope(table[TS_GRID].head(len(values)), values), colour=BID)
        name_y(panel, name)
        span_times((panel,), table[TS_GRID])
        panel.tick_params(labelbottom=panel is some[-1])
        panel.xaxis.get_offset_text().set_visible(False)
    known.set_ylim(-5, 105)
    _draw_cells(cells, table.select(names))
    return as_png(figure)


def _draw_cells(panel: "Axes", table: pl.DataFrame) -> None:
    """Draw all histograms as one collection: sixty panels of their own would take seconds."""
    from matplotlib.collections import PolyCollection  # noqa: PLC0415 - definitions must load fast

    panel.grid(visible=False)
    panel.set_axis_off()
    if not table.columns:
        say_nothing_to_show(panel, "no features")
        return
    bars, bases = [], []
    for place, name in enumerate(table.columns):
        left, floor = place % _ACROSS, -(place // _ACROSS) - 1.0
        values = drawable(table[name])
        found = values[~np.isnan(values)]
        bases.append([(left, floor + 0.19), (left + 0.92, floor + 0.19)])
        _write_words(panel, name, found, len(values), (left, floor))
        if len(found):
            bars.append(_outline(found) * (0.92, 0.5) + (left, floor + 0.19))
    panel.add_collection(PolyCollection(bars, facecolor=BID, alpha=0.8, linewidth=0))
    panel.add_collection(PolyCollection(bases, facecolor="none", edgecolor=FAINT, linewidth=0.6))
    panel.set_xlim(0, _ACROSS)
    panel.set_ylim(-max(1, -(-len(table.columns) // _ACROSS)), 0)


def _write_words(panel: "Axes", name: str, found: Floats, n_rows: int, at: tuple[float, float]) -> None:
    left, floor = at
    absent = 1 - len(found) / n_rows if n_rows else 1.0
    panel.text(left, floor + 0.84, plain(name), fontsize=_TINY + 0.8, color=INK)
    told: dict[str, Any] = {"fontsize": _TINY, "va": "top"}
    panel.text(
        left + 0.92, floor + 0.75, f"{absent:.1%} null", color=BAD if absent > _MUCH else MUTED, ha="right", **told
    )
    if len(found):
        low, high = np.percentile(found, _TAILS)
        panel.text(left, floor + 0.15, f"{low:.3g}", color=MUTED, **told)
        panel.text(left + 0.92, floor + 0.15, f"{high:.3g}", color=MUTED, ha="right", **told)


def _outline(values: Floats) -> Floats:
    """Return the outline of a histogram within the unit square, [points, 2]."""
    low, high = np.percentile(values, _TAILS)
    wide = (high - low) or max(abs(low), 1.0)
    start = low if high > low else low - wide / 2
    bins = np.clip(np.floor((values - start) / wide * _BINS), 0, _BINS - 1).astype(int)
    counts = np.bincount(bins, minlength=_BINS)
    edges = np.repeat(np.arange(_BINS + 1) / _BINS, 2)
    tops = np.concatenate([[0.0], np.repeat(counts / counts.max(), 2), [0.0]])
    return np.stack([edges, tops], axis=1)
