import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.errors import NotTrainable
from trading_assets.models.dataset import Integers, to_ns
from trading_assets.models.split import LEAST_ROWS, split_forward

DAY_S = 86_400


def seconds(*stretches: tuple[int, int]) -> Integers:
    return np.concatenate([np.arange(first, first + rows) for first, rows in stretches]) * 10**9


def test_the_last_rows_are_unseen_and_the_rows_before_them_are_purged() -> None:
    split = split_forward(seconds((0, 200)), horizon_s=10, embargo_s=30, evaluate_share=0.25)

    assert 150 == split.evaluate_start
    assert 150 - 40 == split.train_end


def test_what_is_purged_is_time_not_rows() -> None:
    split = split_forward(seconds((0, 100), (1000, 100)), horizon_s=10, embargo_s=30, evaluate_share=0.5)

    assert (100, 100) == (split.train_end, split.evaluate_start)


def test_what_is_purged_may_lie_on_the_day_before() -> None:
    ts = seconds((DAY_S - 100, 100), (DAY_S, 100))
    split = split_forward(ts, horizon_s=10, embargo_s=30, evaluate_share=0.5)

    assert (60, 100) == (split.train_end, split.evaluate_start)


@given(
    steps=st.lists(st.integers(1, 40), min_size=60, max_size=300),
    days=st.sets(st.integers(1, 299), max_size=3),
    horizon=st.sampled_from([0.5, 1, 10, 30]),
    embargo=st.sampled_from([0, 1, 60]),
    share=st.floats(0, 1),
)
def test_no_label_window_with_its_embargo_reaches_the_unseen_part(
    steps: list[int], days: set[int], horizon: float, embargo: float, share: float
) -> None:
    ts = np.cumsum([step + DAY_S * (row in days) for row, step in enumerate(steps)]) * 10**9
    try:
        split = split_forward(ts, horizon_s=horizon, embargo_s=embargo, evaluate_share=share)
    except NotTrainable:
        return

    free_until = ts[: split.train_end] + to_ns(horizon) + to_ns(embargo)
    assert (free_until < ts[split.evaluate_start]).all()
    assert split.train_end >= LEAST_ROWS
    assert len(ts) - split.evaluate_start >= LEAST_ROWS


@pytest.mark.parametrize("share", [0.0, 0.05, 0.95, 1.0])
def test_a_split_without_rows_on_both_sides_names_the_setting(share: float) -> None:
    with pytest.raises(NotTrainable, match=r"need 20 each: .*model\.evaluate_share"):
        split_forward(seconds((0, 200)), horizon_s=1, embargo_s=0, evaluate_share=share)


def test_no_rows_at_all_are_refused_in_the_same_words() -> None:
    with pytest.raises(NotTrainable, match="0 rows leave 0 to fit and 0 unseen"):
        split_forward(seconds((0, 0)), horizon_s=1, embargo_s=0, evaluate_share=0.3)


def test_a_real_spot_day_leaves_enough_on_both_sides() -> None:
    split = split_forward(seconds((61, 255)), horizon_s=30, embargo_s=60, evaluate_share=0.3)

    assert (89, 179) == (split.train_end, split.evaluate_start)
