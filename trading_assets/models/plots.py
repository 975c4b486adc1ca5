"""One picture of a model: does the realised return follow the forecast, and which features carry it.

Belongs here: drawing a document. Does not: any number that the document does not already hold.
"""

from typing import TYPE_CHECKING

from trading_assets.models.document import HorizonModel, ModelDocument
from trading_assets.plots import as_png
from trading_assets.schema import horizon

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 8


def model_plot(document: ModelDocument) -> bytes:
    """Draw calibration (above) and feature importance (below), one column a horizon; returns PNG bytes."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - definitions must load fast

    figure = Figure(figsize=(4 * len(document.horizons), 6.5), layout="constrained")
    figure.suptitle(f"model as of {document.as_of}, {document.n_rows} rows")
    grid = figure.subplots(2, len(document.horizons), squeeze=False)
    for (above, below), model in zip(grid.T, document.horizons, strict=True):
        _draw_calibration(above, model)
        _draw_importance(below, model)
    return as_png(figure)


def _draw_calibration(axes: "Axes", model: HorizonModel) -> None:
    groups = model.evaluation.calibration
    forecast = [group.mean_forecast_bps for group in groups]
    axes.axline((0, 0), slope=1, color="0.7", linewidth=1)
    axes.plot(forecast, [group.mean_realised_bps for group in groups], "o-", markersize=4)
    r2 = model.evaluation.scores["booster"].r2
    worth = "R² undefined" if r2 is None else f"R² {r2:+.4f}"
    axes.set_title(f"{horizon(model.horizon_s)}: {worth}, {'better' if model.is_better_than_naive else 'weak'}")
    axes.set_xlabel("mean forecast, bps")
    axes.set_ylabel("mean realised, bps")


def _draw_importance(axes: "Axes", model: HorizonModel) -> None:
    shown = model.importances[:_SHOWN][::-1]
    axes.barh([item.feature for item in shown], [item.gain_share for item in shown])
    axes.set_xlabel("share of gain")
