"""The model as a document: canonical JSON that says what was learnt, from what, and what it is worth.

Belongs here: the shape of a published model, its bytes, and the refusal of other bytes.
Does not: fitting (train.py), forecasting (forecast.py), the text of the trees (trees.py).

Never a pickle: reading a model must not be able to run code. Equal inputs give equal bytes, so the md5 of the
bytes is the model's version: sorted keys, shortest float spelling, no time of writing, no path.
"""

import json
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from trading_assets.errors import NotAModel
from trading_assets.models.baseline import LinearModel
from trading_assets.models.evaluate import CalibrationGroup, Score
from trading_assets.models.trees import check_trees

Learner = Literal["booster", "linear", "naive"]
TOP_FEATURES: Final = 20

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rows(_Frozen):
    """A stretch of grid rows: first and last tick, and the end of the last label window; ns since the epoch."""

    n: NonNegativeInt
    first_ns: Nanoseconds
    last_ns: Nanoseconds
    label_end_ns: Nanoseconds


class Evaluation(_Frozen):
    """What learners fitted on `train` were worth on `unseen`, which comes after it."""

    train: Rows
    unseen: Rows
    scores: dict[Learner, Score]
    calibration: tuple[CalibrationGroup, ...]


class Importance(_Frozen):
    """A feature and its share of the loss that the booster's splits removed."""

    feature: Name
    gain_share: float


class HorizonModel(_Frozen):
    """One horizon: the learners fitted on all `rows`, and the evaluation made before that."""

    horizon_s: PositiveFloat
    rows: Rows
    booster: str
    linear: LinearModel
    importances: tuple[Importance, ...]
    evaluation: Evaluation

    @property
    def is_better_than_naive(self) -> bool:
        """Whether the booster beat the forecast of no move on unseen rows, beyond chance."""
        return self.evaluation.scores["booster"].is_better_than_naive


class ModelDocument(_Frozen):
    """A model as of a day, trained on days strictly before it."""

    kind: Literal["trading_assets.model"] = "trading_assets.model"
    schema_version: Literal[1] = 1
    as_of: date
    trained_days: tuple[date, ...]
    feature_names: tuple[Name, ...]
    embargo_s: NonNegativeFloat
    parameters: dict[str, bool | int | float | str]
    horizons: Annotated[tuple[HorizonModel, ...], Field(min_length=1)]

    @property
    def horizons_s(self) -> tuple[float, ...]:
        """The horizons forecast, in seconds, rising."""
        return tuple(model.horizon_s for model in self.horizons)

    @property
    def horizons_better_than_naive_s(self) -> tuple[float, ...]:
        """The horizons at which the model is worth more than the naive forecast; empty for a weak model."""
        return tuple(model.horizon_s for model in self.horizons if model.is_better_than_naive)

    @property
    def is_better_than_naive(self) -> bool:
        """Whether the model is worth more than the naive forecast at any horizon."""
        return bool(self.horizons_better_than_naive_s)

    @property
    def n_rows(self) -> int:
        """Rows fitted at the horizon that had fewest."""
        return min(model.rows.n for model in self.horizons)

    @property
    def trained_until_ns(self) -> int:
        """End of the last label window that any learner saw, nanoseconds since the epoch."""
        return max(model.rows.label_end_ns for model in self.horizons)

    def to_bytes(self) -> bytes:
        """Write canonical JSON; raises ValueError where a number is not finite."""
        values: dict[str, Any] = self.model_dump(mode="python")
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False, default=date.isoformat)
        return text.encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote, byte for byte: a document has one spelling, and so one md5.

        Raises:
            NotAModel: anything else, with the first thing that is wrong.
        """
        try:
            document = cls.model_validate_json(data)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"]) or "the document"
            raise NotAModel(f"not a model document: {where}: {problem['msg']}") from None
        if document.to_bytes() != data:
            raise NotAModel("not a model document: it is not spelled as one is written: it was edited")
        return document

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if list(self.horizons_s) != sorted(set(self.horizons_s)):
            raise ValueError("horizons must rise")
        if len(set(self.feature_names)) != len(self.feature_names):
            raise ValueError("a feature is named twice")
        for model in self.horizons:
            check_trees(model.booster, self.feature_names)
            if len(model.linear.weights) != len(self.feature_names):
                raise ValueError("the linear model has other features than the document")
            if set(model.evaluation.scores) != {"booster", "linear", "naive"}:
                raise ValueError("an evaluation needs scores of booster, linear and naive")
        return self
