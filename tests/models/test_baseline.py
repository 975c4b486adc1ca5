import numpy as np
import pytest
from pydantic import ValidationError

from trading_assets.models.baseline import LinearModel, fit_linear

NAN = float("nan")
SIMPLE = LinearModel(intercept=1.0, weights=(2.0, 3.0), medians=(10.0, 0.0), means=(8.0, 0.0), scales=(2.0, 1.0))


def test_a_forecast_is_the_weighted_sum_of_standardised_features() -> None:
    assert [1 + 2 * (12 - 8) / 2 + 3 * 5] == SIMPLE.predict(np.array([[12.0, 5.0]])).tolist()


def test_an_unknown_feature_takes_its_median() -> None:
    assert SIMPLE.predict(np.array([[10.0, 0.0]])).tolist() == SIMPLE.predict(np.array([[NAN, NAN]])).tolist()


def test_a_line_is_found() -> None:
    x = np.random.default_rng(7).normal(size=(200, 1))
    model = fit_linear(x, 3 * x[:, 0] + 2, alpha=0.0)

    assert np.allclose([2.0, 5.0], model.predict(np.array([[0.0], [1.0]])))


def test_a_penalty_shrinks_the_weights() -> None:
    x = np.random.default_rng(7).normal(size=(200, 1))
    loose, tight = (fit_linear(x, x[:, 0], alpha=alpha).weights[0] for alpha in (0.0, 200.0))

    assert 0.49 < tight / loose < 0.51


def test_medians_are_those_of_the_fitted_rows() -> None:
    model = fit_linear(np.array([[1.0], [NAN], [3.0], [10.0]]), np.zeros(4), alpha=1.0)

    assert (3.0,) == model.medians


@pytest.mark.parametrize("useless", [NAN, 5.0])
def test_a_feature_that_is_constant_or_never_known_has_no_weight(useless: float) -> None:
    x = np.random.default_rng(7).normal(size=(50, 2))
    x[:, 1] = useless
    model = fit_linear(x, x[:, 0], alpha=1.0)

    assert 0.0 == model.weights[1]
    assert np.isfinite(model.predict(np.array([[1.0, NAN], [1.0, 1e6]]))).all()


def test_a_model_of_uneven_length_is_refused() -> None:
    with pytest.raises(ValidationError, match="differ in length"):
        LinearModel(intercept=0.0, weights=(1.0,), medians=(), means=(0.0,), scales=(1.0,))


def test_a_feature_that_differs_in_its_last_bits_only_cannot_carry_a_forecast_away() -> None:
    rng = np.random.default_rng(3)
    spread = 0.01 + 1e-12 * rng.standard_normal(200)
    signal = rng.standard_normal(200)
    fitted = fit_linear(np.column_stack([spread, signal]), signal, alpha=1.0)

    (forecast,) = fitted.predict(np.array([[0.02, 1.0]]))

    assert abs(forecast - 1) < 1
