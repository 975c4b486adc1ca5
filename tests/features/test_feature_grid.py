import polars as pl
import pytest
from feature_inputs import SMALL, at, book, features, quotes, row, ticks, values

from trading_assets.errors import InvalidSettings
from trading_assets.features.grid import Window
from trading_assets.features.sums import sum_over, with_sums
from trading_assets.schema import TS_GRID
from trading_assets.sections import FeatureSettings

LADDER = ([(99.0, 1.0)], [(101.0, 1.0)])


def test_ticks_are_whole_multiples_of_the_grid_from_the_first_row_to_the_last() -> None:
    half = FeatureSettings(grid_s=0.5, levels=1, windows_s=(1.0,))
    frame = features(book(row(0.2, *LADDER), row(1.7, *LADDER)), settings=half)

    assert ticks(frame) == [0.5, 1.0, 1.5]


def test_a_row_at_the_very_instant_of_a_tick_is_known_there() -> None:
    assert [at(1)] == features(book(row(1, *LADDER)))[TS_GRID].to_list()


def test_a_single_row_between_ticks_gives_no_tick_yet() -> None:
    assert features(book(row(0.5, *LADDER))).is_empty()


def test_no_book_gives_no_rows_but_all_columns() -> None:
    assert features(book()).is_empty()
    assert features(book()).schema == features(quotes(1)).schema


def test_ticks_end_sixty_seconds_after_the_last_row_before_a_silence() -> None:
    frame = features(book(row(0.5, *LADDER), row(100.5, *LADDER), row(102, *LADDER)))

    assert [*range(1, 61), 101, 102] == ticks(frame)


def test_a_silence_of_exactly_sixty_seconds_is_still_alive() -> None:
    frame = features(book(row(0, *LADDER), row(61, *LADDER)))

    assert list(range(62)) == ticks(frame)


def test_windows_start_anew_after_a_silence() -> None:
    rows = [row(second, *LADDER) for second in (0, 1, 2, 100, 101, 102)]
    frame = features(book(*rows)).filter(pl.col(TS_GRID) >= at(100))

    assert values(frame, "ofi_1_1s") == [None, 0.0, 0.0]
    assert values(frame, "ret_2s_bps") == [None, None, 0.0]
    assert values(frame, "n_trades_1s") == [None, 0, 0]
    assert values(frame, "mid_px") == [100.0, 100.0, 100.0]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 8, 60])
def test_a_window_sum_adds_the_last_rows_and_is_null_before_there_are_enough(n: int) -> None:
    numbers, window = pl.DataFrame({"x": list(range(100))}), Window(n, n)
    summed = with_sums(numbers, ["x"], [window]).select(sum_over("x", window)).to_series().to_list()

    assert [None if i < n - 1 else sum(range(i - n + 1, i + 1)) for i in range(100)] == summed


def test_a_null_makes_every_window_sum_null_that_holds_it() -> None:
    numbers, window = pl.DataFrame({"x": [1, None, 1, 1, 1, 1]}), Window(3, 3)
    summed = with_sums(numbers, ["x"], [window]).select(sum_over("x", window)).to_series().to_list()

    assert [None, None, None, None, 3, 3] == summed


@pytest.mark.parametrize(("grid_s", "window_s"), [(1.0, 1.5), (0.3, 1.0), (1e-10, 1.0)])
def test_a_window_that_is_not_a_whole_number_of_ticks_is_refused_by_name(grid_s: float, window_s: float) -> None:
    with pytest.raises(InvalidSettings, match=r"not a whole number of grid steps.*features\.windows_s"):
        features(quotes(100), settings=FeatureSettings(grid_s=grid_s, windows_s=(window_s,)))


def test_a_grid_finer_than_a_second_counts_windows_in_its_own_ticks() -> None:
    fine = SMALL.model_copy(update={"grid_s": 0.1, "windows_s": (0.3,)})
    frame = features(quotes(100, 101), settings=fine)

    assert frame.height == 11
    assert frame["ret_300ms_bps"].null_count() == 3
    assert round(frame["ret_300ms_bps"][10], 9) == 100.0
