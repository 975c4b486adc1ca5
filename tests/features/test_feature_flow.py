import pytest
from feature_inputs import SMALL, Ladder, book, features, ledger, row, values

BID, ASK = [(99.0, 5.0)], [(101.0, 5.0)]


@pytest.mark.parametrize(
    ("bids", "asks", "flow"),
    [
        ([(99, 7)], ASK, 2.0),  # size joins the bid
        ([(99, 1)], ASK, -4.0),  # size leaves the bid
        ([(100, 3)], ASK, 3.0),  # a better bid: its whole size joins
        ([(98, 3)], ASK, -5.0),  # the best bid is gone: its whole size leaves
        (BID, [(101, 8)], -3.0),
        (BID, [(101, 1)], 4.0),
        (BID, [(100.5, 2)], -2.0),
        (BID, [(102, 2)], 5.0),
        ([], ASK, -5.0),
        (BID, [], 5.0),
        (BID, ASK, 0.0),
    ],
)
def test_flow_counts_what_joins_the_bid_or_leaves_the_ask_as_positive(bids: Ladder, asks: Ladder, flow: float) -> None:
    frame = features(book(row(0, BID, ASK), row(0.5, bids, asks), row(1, bids, asks)))

    assert [None, flow] == values(frame, "ofi_1_1s")


def test_flow_of_a_side_that_comes_back_adds_its_size() -> None:
    frame = features(book(row(0, [], ASK), row(1, [(99, 4)], ASK)))

    assert values(frame, "ofi_1_1s") == [None, 4.0]


def test_flow_is_summed_over_the_rows_of_the_window() -> None:
    sizes = [(0, 1), (0.25, 2), (0.5, 4), (1.5, 8), (2.5, 16), (3, 16)]
    frame = features(book(*(row(second, [(99, size)], ASK) for second, size in sizes)))

    assert values(frame, "ofi_1_1s") == [None, 3.0, 4.0, 8.0]
    assert values(frame, "ofi_1_2s") == [None, None, 7.0, 12.0]


def test_a_row_received_at_the_tick_belongs_to_it_and_not_to_the_next() -> None:
    frame = features(book(row(0, [(99, 1)], ASK), row(1, [(99, 2)], ASK), row(2, [(99, 2)], ASK)))

    assert values(frame, "ofi_1_1s") == [None, 1.0, 0.0]


def test_flow_of_each_level_is_its_own_and_the_flow_of_several_is_their_sum() -> None:
    before = row(0, [(99, 1), (98, 1), (97, 1)], ASK)
    after = row(1, [(99, 2), (98, 5), (97, 0.5)], ASK)
    frame = features(book(before, after))

    assert [frame[name][1] for name in ("ofi_1_1s", "mlofi_01_1s", "mlofi_02_1s")] == [1.0, 4.0, -0.5]
    assert frame["ofi_3_1s"][1] == 4.5


def test_a_level_the_table_does_not_have_has_no_flow() -> None:
    deep = SMALL.model_copy(update={"levels": 5})
    frame = features(book(row(0, BID, ASK), row(1, [(99, 6)], ASK)), settings=deep)

    assert values(frame, "mlofi_04_1s") == [None, None]
    assert values(frame, "ofi_5_1s") == [None, 1.0]


def test_flow_is_null_in_every_window_that_touches_a_known_gap() -> None:
    rows = [row(second, BID, ASK) for second in range(9)]
    frame = features(book(*rows), gaps=ledger((2.5, 3.5, 4.5, "sequence_gap")))

    assert values(frame, "ofi_1_1s") == [None, 0.0, 0.0, 0.0, None, None, 0.0, 0.0, 0.0]
    assert values(frame, "ofi_1_2s") == [None, None, 0.0, 0.0, None, None, None, 0.0, 0.0]


def test_flow_is_null_where_an_invalid_row_stands_on_either_end_of_a_change() -> None:
    rows = [row(0, BID, ASK), row(1, BID, ASK), row(1.5, [(90, 1)], ASK, is_valid=False)]
    rows += [row(3.5, BID, ASK), row(4.5, BID, ASK), row(5, BID, ASK)]
    frame = features(book(*rows))

    assert values(frame, "ofi_1_1s") == [None, 0.0, None, None, None, 0.0]


def test_flow_that_has_left_the_window_leaves_no_trace_however_large_it_was() -> None:
    sizes = [0.1, 1e15, 0.1, 0.3, 0.4, 0.4]
    frame = features(book(*(row(second, [(99, size)], ASK) for second, size in enumerate(sizes))))

    assert values(frame, "ofi_1_1s")[3:] == [0.3 - 0.1, 0.4 - 0.3, 0.0]
    assert frame["ofi_1_2s"][4] == (0.4 - 0.3) + (0.3 - 0.1)
