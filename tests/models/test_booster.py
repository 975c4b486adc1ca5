import numpy as np
import pytest

from trading_assets.models.booster import fit_booster, gain_shares, predict_booster
from trading_assets.models.dataset import Floats
from trading_assets.models.trees import check_trees
from trading_assets.sections import ModelSettings

NAMES = ("a", "b")
SETTINGS = ModelSettings(n_estimators=20, num_leaves=4, learning_rate=0.3, min_child_samples=10)
NAN = float("nan")


def rows(n: int = 200) -> Floats:
    return np.random.default_rng(7).normal(size=(n, 2))


def fitted(x: Floats, y: Floats) -> str:
    return fit_booster(x, y, names=NAMES, settings=SETTINGS)


def test_a_step_is_learnt() -> None:
    x = rows()
    text = fitted(x, np.sign(x[:, 0]))

    assert np.allclose([-1, 1], predict_booster(text, np.array([[-2.0, 0.0], [2.0, 0.0]])), atol=0.01)
    assert {"a": 1.0, "b": 0.0} == pytest.approx(gain_shares(text, NAMES))


def test_the_text_says_nothing_of_parameters_or_machines() -> None:
    text = fitted(rows(), rows()[:, 0])

    assert text.endswith("end of trees\n")
    assert "parameters" not in text


@pytest.mark.parametrize("useless", [NAN, 5.0])
def test_features_that_say_nothing_leave_one_leaf_with_the_mean(useless: float) -> None:
    text = fitted(np.full((200, 2), useless), np.arange(200.0))
    check_trees(text, NAMES)

    assert np.allclose(99.5, predict_booster(text, rows(3)))
    assert {} == gain_shares(text, NAMES)


def test_fewer_rows_than_a_leaf_needs_leave_the_mean() -> None:
    text = fitted(rows(12), np.arange(12.0))
    check_trees(text, NAMES)

    assert np.allclose(5.5, predict_booster(text, rows(3)))


def test_what_was_unknown_while_fitting_may_be_unknown_later() -> None:
    x = rows()
    x[:50, 0] = NAN
    text = fitted(x, np.where(np.isnan(x[:, 0]), 7.0, np.sign(x[:, 0])))

    assert np.allclose([7.0, 1.0], predict_booster(text, np.array([[NAN, NAN], [2.0, 0.0]])), atol=0.1)


def test_what_was_always_known_while_fitting_is_read_as_zero_when_unknown() -> None:
    x = rows()
    text = fitted(x, np.sign(x[:, 0] - 1))

    assert predict_booster(text, np.array([[0.0, 0.0]])) == predict_booster(text, np.array([[NAN, NAN]]))
