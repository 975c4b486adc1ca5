"""The linear baseline: ridge regression on standardised features, kept as plain numbers.

Belongs here: fitting the baseline and forecasting with its coefficients.
Does not: the gradient-boosted model (booster.py).

Ridge: Hoerl and Kennard 1970. Unknown features take the median of the fitted rows, so that an unknown value
says nothing; a feature that is unknown throughout gets weight zero.
"""

from typing import Annotated, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from trading_assets.models.dataset import Floats

MOST_DEVIATIONS: Final = 8.0
Finite = Annotated[float, Field(allow_inf_nan=False)]


class LinearModel(BaseModel):
    """Forecast in basis points = intercept + Σ weight · clip((x - mean) / scale), x filled with the median."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intercept: Finite
    weights: tuple[Finite, ...]
    medians: tuple[Finite, ...]
    means: tuple[Finite, ...]
    scales: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]

    @model_validator(mode="after")
    def _is_one_number_a_feature(self) -> Self:
        if len({len(self.weights), len(self.medians), len(self.means), len(self.scales)}) != 1:
            raise ValueError("weights, medians, means and scales differ in length")
        return self

    def predict(self, x: Floats) -> Floats:
        """Forecast rows of shape (rows, features), NaN where unknown; returns shape (rows,), basis points."""
        filled = np.where(np.isnan(x), np.asarray(self.medians), x)
        deviations = (filled - np.asarray(self.means)) / np.asarray(self.scales)
        standardised = np.clip(deviations, -MOST_DEVIATIONS, MOST_DEVIATIONS)
        terms: Floats = standardised * np.asarray(self.weights)
        # A plain sum has one order of additions, where a BLAS product depends on the machine's threads.
        forecast: Floats = self.intercept + terms.sum(axis=1)
        return forecast


def fit_linear(x: Floats, y: Floats, *, alpha: float) -> LinearModel:
    """Fit the baseline to rows of shape (rows, features), NaN where unknown, and labels in basis points.

    A standardised feature is held within `MOST_DEVIATIONS`: where the spread was one tick all day, it differs in its
    last bits only, and measured by those the first spread of two ticks would be 1e9 deviations off.
    """
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - costs seconds, and definitions must load fast
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - as above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - as above
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; comes with scikit-learn

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    scaler, ridge = StandardScaler(), Ridge(alpha=alpha, solver="svd")
    with threadpool_limits(limits=1):  # sums in another order round differently
        standardised = scaler.fit_transform(imputer.fit_transform(x))
        ridge.fit(np.clip(standardised, -MOST_DEVIATIONS, MOST_DEVIATIONS), y)
    return LinearModel(
        intercept=float(ridge.intercept_),
        weights=tuple(ridge.coef_.tolist()),
        medians=tuple(imputer.statistics_.tolist()),
        means=tuple(scaler.mean_.tolist()),
        scales=tuple(scaler.scale_.tolist()),
    )
