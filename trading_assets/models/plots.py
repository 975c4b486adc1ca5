"""Pictures of models: what they are worth, whether the realised return follows the forecast, what carries them.

Belongs here: drawing documents. Does not: any number that the documents do not already hold.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from trading_assets.models.document import Evaluation, HorizonModel, Learner, ModelDocument
from trading_assets.models.evaluate import CalibrationGroup, Score
from trading_assets.plots import ASK, BAD, BID, INK, MUTED, SMALL, as_png, dress, new_figure, plain
from trading_assets.schema import horizon

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN: Final = 8
_Z: Final = 1.96
_ROW_IN: Final = 0.3
_DRAWN: Final = 60
_WORST: Final = -1.0
"""R² below is drawn at the edge, with an arrow: how bad a bad forecast is has no end."""
_LEARNERS: Final[tuple[tuple[Learner, str, float], ...]] = (("booster", BID, -0.14), ("linear", ASK, 0.14))


def model_plot(document: ModelDocument) -> bytes:
    """Draw worth, calibration and importance of one model, a column a horizon below the first; returns PNG bytes."""
    n = len(document.horizons)
    title = f"model as of {document.as_of}, {document.n_rows:,} rows"
    figure, (worth, calibrations, importances) = new_figure(
        title, (_ROW_IN * n + 0.2, 2.1, 1.7), share_x=False, gap_in=0.68
    )
    _draw_worth(worth, {horizon(model.horizon_s): model.evaluation for model in document.horizons})
    for strip, draw in ((calibrations, _draw_calibration), (importances, _draw_importance)):
        strip.set_axis_off()
        inset = 0.27 if strip is importances else 0.04
        for place, model in enumerate(document.horizons):
            panel = strip.inset_axes((place / n + inset / n, 0, (0.94 - inset) / n, 1))
            dress(panel)
            draw(panel, model)
    return as_png(figure)


def worth_plot(models: Mapping[str, ModelDocument], *, title: str) -> bytes:
    """Draw R² against the naive forecast with its 95 % interval, for each horizon of some named models.

    Rows beyond the first sixty are left out, and the title says so. Returns PNG bytes.
    """
    rows = {
        f"{name}  {horizon(model.horizon_s)}": model.evaluation
        for name, document in models.items()
        for model in document.horizons
    }
    shown = dict(list(rows.items())[:_DRAWN])
    more = f" (the first {_DRAWN} of {len(rows)})" if len(rows) > _DRAWN else ""
    figure, (panel,) = new_figure(title + more, (_ROW_IN * len(shown) + 0.4,))
    _draw_worth(panel, shown)
    figure.subplots_adjust(left=0.28)
    return as_png(figure)


def standard_error_bps(group: CalibrationGroup, evaluation: Evaluation) -> float:
    """Return the standard error of a group's mean realised return.

    Returns of neighbouring ticks overlap, so as many rows as a label window has (half a bootstrap block, or less) count
    as one observation; the spread of returns is taken to be that of all unseen rows. It errs on the wide side.
    """
    naive = evaluation.scores["naive"]
    observations = max(1.0, group.n * min(1.0, 2 * naive.n_blocks / max(1, naive.n)))
    return math.sqrt((naive.mse or 0.0) / observations)


def _draw_worth(panel: "Axes", rows: Mapping[str, Evaluation]) -> None:
    """Draw a forest of intervals: filled where the interval lies above zero, hollow where it does not."""
    for place, evaluation in enumerate(rows.values()):
        for learner, colour, offset in _LEARNERS:
            _draw_interval(panel, evaluation.scores[learner], colour, place + offset)
        _say_verdict(panel, evaluation.scores["booster"], place)
    for learner, colour, _ in _LEARNERS:
        panel.plot([], [], "o-", color=colour, markersize=4, linewidth=1.4, label=learner)
    panel.axvline(0, color=INK, linewidth=0.8)
    panel.set_yticks(range(len(rows)), [plain(name) for name in rows])
    panel.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    panel.set_xlim(*_reach([s for e in rows.values() for s in e.scores.values()]))
    panel.set_xlabel("R² on unseen time against the naive forecast of no change, 95 %", fontsize=SMALL, color=INK)
    panel.legend(fontsize=SMALL, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0)


def _draw_interval(panel: "Axes", score: Score, colour: str, place: float) -> None:
    if score.r2 is None or score.r2_low is None or score.r2_high is None:
        return
    low, middle, high = (max(_WORST, value) for value in (score.r2_low, score.r2, score.r2_high))
    panel.plot([low, high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
    face = colour if score.is_better_than_naive else "white"
    panel.plot([middle], [place], "o", markersize=5, markerfacecolor=face, markeredgecolor=colour)
    if score.r2_low < _WORST:
        panel.plot([low], [place], "<", markersize=4, color=colour)


def _say_verdict(panel: "Axes", score: Score, place: float) -> None:
    words, colour = ("better", BID) if score.is_better_than_naive else ("weak", MUTED)
    told = words if score.correlation is None else f"{words}, corr. {score.correlation:+.2f}"
    panel.text(1.008, place, told, transform=panel.get_yaxis_transform(), fontsize=SMALL, color=colour, va="center")


def _reach(scores: Sequence[Score]) -> tuple[float, float]:
    found = [value for s in scores for value in (s.r2_low, s.r2, s.r2_high) if value is not None]
    low, high = max(_WORST, min([0.0, *found])), max([0.02, *found])
    room = 0.05 * (high - low)
    return low - room, high + room


def _draw_calibration(axes: "Axes", model: HorizonModel) -> None:
    groups = model.evaluation.calibration
    forecast = np.array([group.mean_forecast_bps for group in groups])
    realised = np.array([group.mean_realised_bps for group in groups])
    bars = np.array([_Z * standard_error_bps(group, model.evaluation) for group in groups])
    axes.axhline(0, color=MUTED, linewidth=0.5)
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=0.9, linestyle="--")
    axes.errorbar(forecast, realised, yerr=bars, fmt="o-", color=BID, markersize=3.5, linewidth=1, elinewidth=0.7)
    r2 = model.evaluation.scores["booster"].r2
    worth = "R² undefined" if r2 is None else f"R² {r2:+.3g}"
    verdict, colour = ("better than naive", BID) if model.is_better_than_naive else ("weak", BAD)
    axes.set_title(f"{horizon(model.horizon_s)}: {worth}, {verdict}", fontsize=SMALL + 0.5, color=colour)
    axes.set_xlabel("mean forecast of a tenth, bps", fontsize=SMALL, color=INK)


def _draw_importance(axes: "Axes", model: HorizonModel) -> None:
    shown = model.importances[:_SHOWN][::-1]
    axes.barh(range(len(shown)), [item.gain_share for item in shown], color=BID, alpha=0.8)
    axes.set_yticks(range(len(shown)), [plain(item.feature) for item in shown])
    axes.tick_params(labelsize=SMALL - 1)
    axes.set_xlabel("share of gain", fontsize=SMALL, color=INK)
