import pytest
from feature_inputs import Ladder, book, features, ledger, quotes, row, ticks, values


def test_the_mid_is_halfway_between_best_bid_and_best_ask() -> None:
    frame = features(book(row(0, [(99, 1)], [(102, 1)])))

    assert values(frame, "mid_px") == [100.5]


def test_the_weighted_mid_leans_to_the_side_with_less_size() -> None:
    frame = features(book(row(0, [(100, 3)], [(104, 1)])))

    assert values(frame, "weighted_mid_px") == [103.0]


def test_the_spread_is_given_as_a_price_and_in_basis_points_of_the_mid() -> None:
    frame = features(book(row(0, [(99, 1)], [(101, 1)])))

    assert values(frame, "spread_px") == [2.0]
    assert values(frame, "spread_bps") == [200.0]


@pytest.mark.parametrize(("bids", "asks"), [([(99, 1)], []), ([], [(101, 1)]), ([], [])])
@pytest.mark.parametrize("name", ["mid_px", "weighted_mid_px", "spread_px", "spread_bps"])
def test_a_price_is_null_when_a_side_is_empty(name: str, bids: Ladder, asks: Ladder) -> None:
    frame = features(book(row(0, bids, asks)))

    assert values(frame, name) == [None]


def test_the_weighted_mid_is_null_when_both_sizes_are_zero() -> None:
    frame = features(book(row(0, [(99, 0)], [(101, 0)])))

    assert values(frame, "weighted_mid_px") == [None]
    assert values(frame, "mid_px") == [100.0]


def test_the_age_is_the_time_since_the_last_row_received_by_the_tick() -> None:
    frame = features(book(*(row(second, [(99, 1)], [(101, 1)]) for second in (0.25, 0.5, 2.75, 4.0))))

    assert ticks(frame) == [1, 2, 3, 4]
    assert values(frame, "book_age_s") == [0.5, 1.5, 0.25, 0.0]


def test_of_rows_received_at_the_same_instant_the_last_one_counts() -> None:
    frame = features(book(row(1, [(99, 1)], [(101, 1)]), row(1, [(100, 1)], [(102, 1)])))

    assert values(frame, "mid_px") == [101.0]


@pytest.mark.parametrize(
    "name", ["mid_px", "weighted_mid_px", "spread_bps", "book_age_s", "imbalance_1", "bid_depth_1"]
)
def test_a_point_feature_is_null_while_the_last_row_is_invalid(name: str) -> None:
    ladder = ([(99, 1)], [(101, 1)])
    frame = features(book(row(0, *ladder), row(0.5, *ladder, is_valid=False), row(2.5, *ladder), row(3, *ladder)))

    assert frame[name].is_null().to_list() == [False, True, True, False]


@pytest.mark.parametrize("name", ["mid_px", "book_age_s", "imbalance_3", "ask_depth_3"])
def test_a_point_feature_is_null_inside_a_gap_from_when_it_is_known_until_it_ends(name: str) -> None:
    frame = features(quotes(100, 100, 100, 100, 100, 100), gaps=ledger((0.5, 2, 4, "sequence_gap")))

    assert frame[name].is_null().to_list() == [False, False, True, True, False, False]


def test_an_open_gap_lasts_to_the_end() -> None:
    frame = features(quotes(100, 100, 100), gaps=ledger((0.5, 0.5, None, "resync")))

    assert values(frame, "mid_px") == [100.0, None, None]


@pytest.mark.parametrize("cause", ["trade_gap", "clock_skew"])
def test_the_book_is_not_touched_by_gaps_of_trades_or_clocks(cause: str) -> None:
    frame = features(quotes(100, 100, 100), gaps=ledger((0, 0, None, cause)))

    assert values(frame, "mid_px") == [100.0, 100.0, 100.0]
