"""What a table of features looks like: a panel for each of a few that people know by sight."""

import polars as pl

from trading_assets.orchestration.gate import Audit
from trading_assets.plots import as_png, new_figure
from trading_assets.schema import TS_GRID, horizon


def feature_plot(audit: Audit) -> bytes:
    """Draw mid, spread, imbalance, order flow and volatility over the partition."""
    middle = horizon(audit.settings.features.windows_s[len(audit.settings.features.windows_s) // 2])
    wanted = ["mid_px", "spread_bps", "imbalance_1", f"ofi_1_{middle}", f"vol_rlz_{middle}_bps"]
    table = audit.staged
    names = [name for name in wanted if name in table.collect_schema()]
    shown = table.select(TS_GRID, *names).collect()
    figure, panels = new_figure(len(names), row_in=1.4)
    for panel, name in zip(panels, names, strict=True):
        panel.plot(shown[TS_GRID].to_numpy(), shown[name].cast(pl.Float64).to_numpy(), linewidth=0.7)
        panel.set_ylabel(name, fontsize=7)
    figure.suptitle(str(audit.partition), fontsize=9)
    return as_png(figure)
