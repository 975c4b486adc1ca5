import numpy as np
import pytest

from trading_assets.models.dataset import Floats
from trading_assets.models.evaluate import LEAST_BLOCKS, Score, block_rows, calibration, score
from trading_assets.sections import ModelSettings

SETTINGS = ModelSettings(bootstrap_samples=200)
NAN = float("nan")


def scored(forecast: object, realised: object, classes: object = None, *, block: int = 1) -> Score:
    real = np.asarray(realised, dtype=float)
    kinds = np.sign(real) if classes is None else np.asarray(classes, dtype=float)
    return score(np.asarray(forecast, dtype=float), real, kinds, block=block, settings=SETTINGS)


def walk(rows: int, seed: int = 7) -> Floats:
    return np.random.default_rng(seed).normal(size=rows)


def test_r2_is_against_the_forecast_of_no_move() -> None:
    worth = scored([1, 1, 0, 0], [1, 2, -1, 0])

    assert 1 - (0 + 1 + 1 + 0) / (1 + 4 + 1 + 0) == worth.r2
    assert 0.5 == worth.mse


def test_the_naive_forecast_is_worth_nothing_and_calls_nothing() -> None:
    worth = scored([0] * 50, walk(50))

    assert (0.0, 0.0, 0.0) == (worth.r2, worth.r2_low, worth.r2_high)
    assert (None, None) == (worth.correlation, worth.hit_rate)
    assert not worth.is_better_than_naive


def test_a_perfect_forecast_is_worth_everything() -> None:
    worth = scored(walk(50), walk(50))

    assert (1.0, 1.0, 1.0, 1.0) == (worth.r2, worth.r2_low, worth.r2_high, worth.hit_rate)
    assert worth.is_better_than_naive


def test_a_constant_forecast_has_no_correlation() -> None:
    worth = scored([0.3] * 50, walk(50))

    assert worth.correlation is None
    assert worth.r2 is not None


def test_a_forecast_too_even_to_square_has_no_correlation() -> None:
    assert scored([1e-200, 0, 1e-200, 0], [1, 1, -1, -1]).correlation is None


def test_where_nothing_moves_no_worth_is_defined() -> None:
    worth = scored([0.1, -0.1], [0, 0])

    assert (None, None, None, None) == (worth.r2, worth.r2_low, worth.r2_high, worth.hit_rate)
    assert not worth.is_better_than_naive


def test_no_rows_have_no_score() -> None:
    worth = scored([], [])

    assert (0, None, None, False) == (worth.n, worth.mse, worth.r2, worth.is_better_than_naive)


def test_the_hit_rate_counts_moves_on_which_a_side_was_taken() -> None:
    worth = scored([1, -1, 0, 1, 1], [1, 1, 1, 0, -1], [1, 1, 1, 0, NAN])

    assert 3 == worth.n_moves
    assert 0.5 == worth.hit_rate


def test_few_independent_blocks_prove_nothing() -> None:
    realised = walk(LEAST_BLOCKS * 10 - 1)

    assert not scored(realised, realised, block=10).is_better_than_naive
    assert scored([*realised, 1.0], [*realised, 1.0], block=10).is_better_than_naive


def test_the_interval_is_the_same_every_time_and_holds_the_estimate() -> None:
    realised, noise = walk(300), walk(300, seed=8)
    first, second = (scored(0.5 * realised + 0.3 * noise, realised, block=5) for _ in range(2))

    assert first == second
    assert first.r2_low is not None
    assert first.r2 is not None
    assert first.r2_high is not None
    assert first.r2_low < first.r2 < first.r2_high


def test_dependent_errors_widen_the_interval() -> None:
    realised = np.repeat(walk(60), 20)
    forecast = 0.3 * realised + np.repeat(walk(60, seed=8), 20)
    single, blocks = (scored(forecast, realised, block=block) for block in (1, 40))

    assert width(single) * 2 < width(blocks)


def width(worth: Score) -> float:
    assert worth.r2_low is not None
    assert worth.r2_high is not None
    return worth.r2_high - worth.r2_low


@pytest.mark.parametrize(
    ("rows", "step_s", "horizon_s", "expected"),
    [(100, 1, 10, 20), (1000, 1, 1, 10), (100, 5, 1, 5), (1, 1, 10, 20 * 10**9), (0, 1, 10, 20 * 10**9)],
)
def test_a_block_spans_two_label_windows_or_the_cube_root_of_the_rows(
    rows: int, step_s: int, horizon_s: float, expected: int
) -> None:
    assert expected == block_rows(np.arange(rows) * step_s * 10**9, horizon_s)


def test_calibration_compares_tenths_from_low_to_high() -> None:
    groups = calibration(np.arange(100.0), np.arange(100.0) * 2)

    assert [10] * 10 == [group.n for group in groups]
    assert groups == tuple(sorted(groups, key=lambda group: group.mean_forecast_bps))
    assert [4.5, 9.0] == [groups[0].mean_forecast_bps, groups[0].mean_realised_bps]


def test_equal_forecasts_are_one_group() -> None:
    (group,) = calibration(np.full(30, 0.2), np.arange(30.0))

    assert (30, 14.5) == (group.n, group.mean_realised_bps)
