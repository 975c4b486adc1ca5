"""Training: for each horizon, fit on the past, judge on unseen time, then fit on all of it.

Belongs here: the order of these steps and the document they fill.
Does not: learners (booster.py, baseline.py), the split (split.py), scores (evaluate.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from trading_assets import schema
from trading_assets.errors import NotTrainable
from trading_assets.models.baseline import LinearModel, fit_linear
from trading_assets.models.booster import fit_booster, gain_shares, parameters, predict_booster
from trading_assets.models.dataset import (
    Floats,
    Integers,
    TrainingDay,
    TrainingTable,
    column,
    grid_ns,
    matrix,
    to_ns,
    training_table,
)
from trading_assets.models.document import (
    TOP_FEATURES,
    Evaluation,
    HorizonModel,
    Importance,
    Learner,
    ModelDocument,
    Rows,
)
from trading_assets.models.evaluate import block_rows, calibration, score
from trading_assets.models.split import split_forward
from trading_assets.sections import LabelSettings, ModelSettings


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows with a known label at one horizon, as arrays in time order."""

    ts: Integers
    x: Floats
    y: Floats
    classes: Floats
    names: tuple[str, ...]
    horizon_s: float

    def part(self, rows: slice) -> "_Sample":
        return _Sample(self.ts[rows], self.x[rows], self.y[rows], self.classes[rows], self.names, self.horizon_s)

    def rows(self) -> Rows:
        last = int(self.ts[-1])
        return Rows(n=len(self.ts), first_ns=int(self.ts[0]), last_ns=last, label_end_ns=last + to_ns(self.horizon_s))


def train_model(
    days: Sequence[TrainingDay],
    *,
    as_of: date,
    settings: ModelSettings,
    label_settings: LabelSettings,
    embargo_s: float,
) -> ModelDocument:
    """Train as of a day on days strictly before it; a weak model is returned and says so.

    Args:
        days: features and labels of each training day, in any order.
        as_of: the first day the model may be used on; no label window may reach it.
        settings: the learner, and how much is held back unseen.
        label_settings: the horizons, seconds.
        embargo_s: the longest look-back of a feature, seconds; kept free before the unseen part.

    Raises:
        NotTrainable: days that may not be trained on, or too few usable rows; the message names the setting.
    """
    table = training_table(days, as_of=as_of)
    return ModelDocument(
        as_of=as_of,
        trained_days=table.days,
        feature_names=table.feature_names,
        embargo_s=embargo_s,
        parameters={**parameters(settings), **settings.model_dump(), "flat_bps": label_settings.flat_bps},
        horizons=tuple(
            _train_horizon(_sample(table, seconds, settings), settings, embargo_s)
            for seconds in label_settings.horizons_s
        ),
    )


def _sample(table: TrainingTable, seconds: float, settings: ModelSettings) -> _Sample:
    usable = table.usable(seconds)
    if usable.height < settings.min_rows:
        raise NotTrainable(
            f"{usable.height} rows before {table.as_of} have a label at {seconds:g} s, model.min_rows asks for "
            f"{settings.min_rows}: add days, or lower it"
        )
    return _Sample(
        ts=grid_ns(usable),
        x=matrix(usable, table.feature_names),
        y=column(usable, schema.ret_fwd_bps(seconds)),
        classes=column(usable, schema.class_fwd(seconds)),
        names=table.feature_names,
        horizon_s=seconds,
    )


def _train_horizon(sample: _Sample, settings: ModelSettings, embargo_s: float) -> HorizonModel:
    evaluation = _evaluate(sample, settings, embargo_s)
    booster, linear = _fit(sample, settings)
    shares = sorted(gain_shares(booster, sample.names).items(), key=lambda item: (-item[1], item[0]))
    return HorizonModel(
        horizon_s=sample.horizon_s,
        rows=sample.rows(),
        booster=booster,
        linear=linear,
        importances=tuple(Importance(feature=name, gain_share=share) for name, share in shares[:TOP_FEATURES]),
        evaluation=evaluation,
    )


def _evaluate(sample: _Sample, settings: ModelSettings, embargo_s: float) -> Evaluation:
    split = split_forward(
        sample.ts,
        horizon_s=sample.horizon_s,
        embargo_s=embargo_s,
        evaluate_share=settings.evaluate_share,
    )
    train, unseen = sample.part(slice(split.train_end)), sample.part(slice(split.evaluate_start, None))
    booster, linear = _fit(train, settings)
    forecasts: dict[Learner, Floats] = {
        "booster": predict_booster(booster, unseen.x),
        "linear": linear.predict(unseen.x),
        "naive": np.zeros(len(unseen.y)),
    }
    block = block_rows(unseen.ts, sample.horizon_s)
    return Evaluation(
        train=train.rows(),
        unseen=unseen.rows(),
        scores={
            learner: score(forecast, unseen.y, unseen.classes, block=block, settings=settings)
            for learner, forecast in forecasts.items()
        },
        calibration=calibration(forecasts["booster"], unseen.y),
    )


def _fit(sample: _Sample, settings: ModelSettings) -> tuple[str, LinearModel]:
    booster = fit_booster(sample.x, sample.y, names=sample.names, settings=settings)
    return booster, fit_linear(sample.x, sample.y, alpha=settings.ridge_alpha)
