"""What the tables of the models stage look like: how labels are distributed, what was forecast when.

Belongs here: drawing labels and forecasts. Does not: drawing a model (plots).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from trading_assets.orchestration.gate import Audit
from trading_assets.plots import (
    ASK,
    BID,
    FAINT,
    INK,
    MUTED,
    SMALL,
    as_png,
    draw_envelope,
    name_y,
    new_figure,
    note,
    say_nothing_to_show,
    span_times,
)
from trading_assets.schema import TS_GRID, class_fwd, forecast_bps, horizon, ret_fwd_bps
from trading_assets.thinning import drawable, envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS: Final = 61
_TAILS: Final = (0.1, 99.9)
_ENOUGH: Final = 0.06
"""Share of a bar that has room for a number."""
_CLASSES: Final = ((-1, "down", ASK), (0, "flat", "#9aa5b1"), (1, "up", BID), (None, "unknown", FAINT))


def labels_plot(audit: Audit) -> bytes:
    """Draw a staged table of labels."""
    return draw_labels(audit.staged, audit.settings.labels.horizons_s, title=f"labels of {audit.partition}")


def forecasts_plot(audit: Audit) -> bytes:
    """Draw a staged table of forecasts."""
    return draw_forecasts(audit.staged, audit.settings.labels.horizons_s, title=f"forecasts of {audit.partition}")


def draw_labels(table: pl.LazyFrame, horizons_s: Sequence[float], *, title: str) -> bytes:
    """Draw the shares of the classes, then how the forward return is distributed at each horizon. Returns PNG bytes.

    A distribution goes from the 0.1 % to the 99.9 % quantile; what lies beyond is in its outermost bars.
    """
    rows = table.select([name(h) for h in horizons_s for name in (ret_fwd_bps, class_fwd)]).collect()
    heights = (0.3 + 0.28 * len(horizons_s), *([0.95] * len(horizons_s)))
    figure, (shares, *panels) = new_figure(title, heights, share_x=False, gap_in=0.3)
    _draw_shares(shares, rows, horizons_s)
    for panel, seconds in zip(panels, horizons_s, strict=True):
        _draw_returns(panel, drawable(rows[ret_fwd_bps(seconds)]))
        name_y(panel, f"{horizon(seconds)} ahead, bps")
    return as_png(figure)


def _draw_shares(panel: "Axes", rows: pl.DataFrame, horizons_s: Sequence[float]) -> None:
    total = max(1, rows.height)
    for place, seconds in enumerate(horizons_s):
        classes = rows[class_fwd(seconds)]
        left = 0.0
        for value, name, colour in _CLASSES:
            n = classes.null_count() if value is None else int((classes == value).sum())
            panel.barh(place, n / total, left=left, color=colour, height=0.7, label=name if place == 0 else None)
            if n / total > _ENOUGH:
                ink = INK if value is None else "white"
                panel.text(
                    left + n / total / 2, place, f"{n / total:.0%}", ha="center", va="center", fontsize=SMALL, color=ink
                )
            left += n / total
    panel.set_yticks(range(len(horizons_s)), [horizon(seconds) for seconds in horizons_s])
    panel.set_ylim(len(horizons_s) - 0.5, -0.5)
    panel.set_xlim(0, 1)
    panel.set_xticks([])
    panel.grid(visible=False)
    panel.legend(fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_returns(panel: "Axes", values: np.ndarray) -> None:
    found = values[~np.isnan(values)]
    if not len(found):
        say_nothing_to_show(panel, "no label is known")
        return
    low, high = np.percentile(found, _TAILS)
    reach = max(abs(low), abs(high), 1e-9)
    panel.hist(np.clip(found, -reach, reach), bins=_BINS, range=(-reach, reach), log=True, color=BID, alpha=0.8)
    panel.axvline(0, color=INK, linewidth=0.5)
    note(panel, f"{len(found):,} known\nsd {found.std():.3g}\nmin {found.min():.3g}\nmax {found.max():.3g}")


def draw_forecasts(table: pl.LazyFrame, horizons_s: Sequence[float], *, title: str) -> bytes:
    """Draw the forecast of each horizon over the day, basis points. Returns PNG bytes."""
    rows = table.select(TS_GRID, *(forecast_bps(seconds) for seconds in horizons_s)).collect()
    figure, panels = new_figure(title, [0.95] * len(horizons_s))
    for panel, seconds in zip(panels, horizons_s, strict=True):
        values = rows[forecast_bps(seconds)]
        draw_envelope(panel, envelope(rows[TS_GRID], values), colour=BID)
        panel.axhline(0, color=MUTED, linewidth=0.5)
        name_y(panel, f"{horizon(seconds)} ahead, bps")
        found = drawable(values)
        found = found[~np.isnan(found)]
        if len(found):
            note(panel, f"sd {found.std():.3g}\nmin {found.min():.3g}\nmax {found.max():.3g}")
        else:
            say_nothing_to_show(panel, "no forecast")
    span_times(panels, rows[TS_GRID])
    return as_png(figure)
