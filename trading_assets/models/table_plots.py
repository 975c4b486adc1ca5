"""What the tables of the models stage look like: how labels are distributed, what was forecast when.

Belongs here: drawing labels and forecasts. Does not: drawing a model (plots).
"""

from typing import Final

from trading_assets.orchestration.gate import Audit
from trading_assets.plots import as_png, new_figure
from trading_assets.schema import TS_GRID, forecast_bps, ret_fwd_bps

_BINS: Final = 61


def labels_plot(audit: Audit) -> bytes:
    """Draw the distribution of the forward return at each horizon, basis points."""
    names = [ret_fwd_bps(seconds) for seconds in audit.settings.labels.horizons_s]
    table = audit.staged.select(names).collect()
    figure, panels = new_figure(len(names), row_in=1.5)
    for panel, name in zip(panels, names, strict=True):
        panel.hist(table[name].drop_nulls().to_numpy(), bins=_BINS, log=True)
        panel.set_ylabel(name, fontsize=7)
    figure.suptitle(str(audit.partition), fontsize=9)
    return as_png(figure)


def forecasts_plot(audit: Audit) -> bytes:
    """Draw the forecast of each horizon over the day, basis points."""
    names = [forecast_bps(seconds) for seconds in audit.settings.labels.horizons_s]
    table = audit.staged.select(TS_GRID, *names).collect()
    figure, panels = new_figure(len(names), row_in=1.5)
    for panel, name in zip(panels, names, strict=True):
        panel.plot(table[TS_GRID].to_numpy(), table[name].to_numpy(), linewidth=0.6)
        panel.set_ylabel(name, fontsize=7)
    figure.suptitle(str(audit.partition), fontsize=9)
    return as_png(figure)
