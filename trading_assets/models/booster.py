"""Gradient-boosted trees: fitting with LightGBM, kept as text, and forecasting from that text.

Belongs here: LightGBM's parameters and calls.
Does not: which rows are fitted (train.py), what text may be loaded (trees.py).

The learner: Ke et al. 2017, LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
"""

from collections.abc import Sequence
from typing import Any

from trading_assets.models.dataset import Floats
from trading_assets.models.trees import END
from trading_assets.sections import ModelSettings


def parameters(settings: ModelSettings) -> dict[str, Any]:
    """Return LightGBM's parameters: the learner from settings, and all that makes it repeatable."""
    return {
        "objective": "regression",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.num_leaves,
        "min_child_samples": settings.min_child_samples,
        "seed": settings.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


def fit_booster(x: Floats, y: Floats, *, names: Sequence[str], settings: ModelSettings) -> str:
    """Fit trees to rows (rows, features), NaN where unknown, and labels in basis points; returns their text.

    The text ends with the trees: what LightGBM writes after them repeats the parameters, which the document keeps.
    """
    import lightgbm  # noqa: PLC0415 - costs seconds, and definitions must load fast

    data = lightgbm.Dataset(x, y, feature_name=list(names), params={"verbosity": -1})
    text: str = lightgbm.train(parameters(settings), data, settings.n_estimators).model_to_string()
    return text.partition(END)[0] + END


def predict_booster(text: str, x: Floats) -> Floats:
    """Forecast rows of shape (rows, features), NaN where unknown; returns shape (rows,), basis points.

    A feature that was never unknown while fitting is read as 0 where it is NaN: LightGBM's own rule.
    """
    import lightgbm  # noqa: PLC0415 - costs seconds, and definitions must load fast

    forecast: Floats = lightgbm.Booster(model_str=text).predict(x, num_threads=1)
    return forecast


def gain_shares(text: str, names: Sequence[str]) -> dict[str, float]:
    """Return each feature's share of the loss that all splits removed; empty when no tree splits."""
    import lightgbm  # noqa: PLC0415 - costs seconds, and definitions must load fast

    gains = lightgbm.Booster(model_str=text).feature_importance(importance_type="gain")
    total = float(gains.sum())
    return {name: float(gain) / total for name, gain in zip(names, gains, strict=True)} if total > 0 else {}
