import numpy as np
import pytest
from simulations import SIMBTC, recording

from trading_assets.sources.simulator.pressure import HALF_LIFE_S, MAX_TILT, pressure, tilt
from trading_assets.sources.simulator.truth import Float64s, Truth, correlation, forward_bps, truths

Sessions = dict[float, list[Truth]]
STRENGTHS = (0.0, 0.25, 0.5, 1.0)


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return {s: truths(SIMBTC, recording(days=2, minutes_per_day=60, signal_strength=s)) for s in STRENGTHS}


def apart(values: Float64s, distance_s: int) -> Float64s:
    """Every `distance_s`-th value, so that returns do not overlap."""
    return values[::distance_s]


def test_without_a_signal_pressure_says_nothing_about_returns(sessions: Sessions) -> None:
    now = np.concatenate([apart(truth.pressure[:-10], 10) for truth in sessions[0.0]])
    later = np.concatenate([apart(forward_bps(truth, 10), 10) for truth in sessions[0.0]])
    z = np.arctanh(np.corrcoef(now, later)[0, 1]) * np.sqrt(now.size - 3)

    assert abs(z) < 2.6


def test_without_a_signal_ups_and_downs_are_equally_likely(sessions: Sessions) -> None:
    returns = np.concatenate([apart(forward_bps(truth, 10), 10) for truth in sessions[0.0]])
    ups, downs = np.sum(returns > 0), np.sum(returns < 0)

    assert abs(ups - downs) < 2.6 * np.sqrt(ups + downs)


def test_without_a_signal_returns_do_not_predict_returns(sessions: Sessions) -> None:
    returns = [apart(forward_bps(truth, 10), 10) for truth in sessions[0.0]]
    before, after = (np.concatenate(parts) for parts in ([r[:-1] for r in returns], [r[1:] for r in returns]))

    assert abs(np.corrcoef(before, after)[0, 1]) < 2.6 / np.sqrt(before.size)


@pytest.mark.parametrize("horizon_s", [1, 10, 30])
def test_a_stronger_signal_predicts_better(sessions: Sessions, horizon_s: int) -> None:
    worth = [correlation(sessions[strength], horizon_s) for strength in STRENGTHS]

    assert worth == sorted(worth)
    assert worth[-1] - worth[0] > 0.25


def test_the_default_signal_is_worth_what_the_documentation_says(sessions: Sessions) -> None:
    assert pytest.approx(correlation(sessions[0.5], 10), abs=0.1) == 0.43


def test_a_signal_shows_in_the_book(sessions: Sessions) -> None:
    seen = [
        np.corrcoef(*(np.concatenate([getattr(t, name) for t in sessions[s]]) for name in ("pressure", "imbalance")))
        for s in (0.0, 1.0)
    ]

    assert abs(seen[0][0, 1]) < 0.05
    assert seen[1][0, 1] > 0.15


def test_ten_second_returns_are_a_few_basis_points_and_seldom_zero(sessions: Sessions) -> None:
    returns = np.concatenate([forward_bps(truth, 10) for truth in sessions[0.0]])

    assert 1 < returns.std() < 10
    assert np.mean(returns == 0) < 0.15


def test_pressure_has_unit_variance_and_its_half_life() -> None:
    values = pressure(1_000_000, step_s=0.1, before=None, rng=np.random.default_rng(1))
    lag = round(HALF_LIFE_S / 0.1)

    assert pytest.approx(values.var(), abs=0.05) == 1.0
    assert pytest.approx(np.corrcoef(values[:-lag], values[lag:])[0, 1], abs=0.03) == 0.5


def test_pressure_continued_is_pressure_in_one_piece() -> None:
    whole = pressure(20, step_s=0.1, before=2.0, rng=np.random.default_rng(1))
    first = pressure(10, step_s=0.1, before=2.0, rng=np.random.default_rng(1))

    assert np.array_equal(whole[:10], first)


def test_no_strength_is_no_tilt_and_full_strength_stays_within_bounds() -> None:
    extreme = np.array([-9.0, -1.0, 0.0, 1.0, 9.0])

    assert not tilt(extreme, strength=0.0).any()
    assert np.all(np.abs(tilt(extreme, strength=1.0)) <= MAX_TILT)
    assert np.all(np.diff(tilt(extreme, strength=1.0)) > 0)
