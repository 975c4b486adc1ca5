import math

import pytest
from feature_inputs import book, features, ledger, quotes, row, values


def test_a_return_is_the_move_of_the_mid_over_the_window() -> None:
    frame = features(quotes(100, 101, 100, 98))

    assert [None, frame["ret_1s_bps"][1].__round__(9), None, None] == [None, 100.0, None, None]
    assert values(frame, "ret_2s_bps")[:3] == [None, None, 0.0]
    assert pytest.approx(1e4 * (98 / 101 - 1)) == frame["ret_2s_bps"][3]


def test_realised_volatility_is_the_root_of_the_summed_squares() -> None:
    frame = features(quotes(100, 101, 100, 100))
    first, second = 1e4 * (101 / 100 - 1), 1e4 * (100 / 101 - 1)

    assert values(frame, "vol_rlz_2s_bps")[:2] == [None, None]
    assert pytest.approx(math.hypot(first, second)) == frame["vol_rlz_2s_bps"][2]
    assert pytest.approx(abs(second)) == frame["vol_rlz_2s_bps"][3]


def test_a_constant_price_has_volatility_zero_exactly() -> None:
    frame = features(quotes(*[1e-8] * 9, spread=0))

    assert values(frame, "vol_rlz_5s_bps")[5:] == [0.0] * 4


def test_the_first_windows_are_null_until_the_recording_is_long_enough() -> None:
    frame = features(quotes(*range(100, 108)))

    assert [frame[name].null_count() for name in ("ret_5s_bps",)] == [5]
    assert frame["vol_rlz_5s_bps"].null_count() == 5


def test_a_window_that_touches_a_known_gap_is_null() -> None:
    frame = features(quotes(*[100] * 9), gaps=ledger((2.5, 3.5, 3.5, "sequence_gap")))
    expected = [None, None, 0.0, 0.0, None, None, 0.0, 0.0, 0.0]

    assert expected == values(frame, "ret_2s_bps")
    assert expected == values(frame, "vol_rlz_2s_bps")


def test_one_unknown_mid_breaks_volatility_but_only_the_returns_that_start_or_end_there() -> None:
    rows = [row(n, [(99, 1)], [] if n == 2 else [(101, 1)]) for n in range(6)]
    frame = features(book(*rows))

    assert values(frame, "ret_2s_bps") == [None, None, None, 0.0, None, 0.0]
    assert values(frame, "vol_rlz_2s_bps") == [None, None, None, None, None, 0.0]
