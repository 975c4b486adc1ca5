from feature_inputs import SMALL, book, features, row, values


def test_the_depth_is_the_size_on_the_top_levels() -> None:
    frame = features(book(row(0, [(99, 1), (98, 2), (97, 4)], [(101, 8), (102, 16), (103, 32)])))

    assert [frame[name].item() for name in ("bid_depth_1", "bid_depth_3")] == [1.0, 7.0]
    assert [frame[name].item() for name in ("ask_depth_1", "ask_depth_3")] == [8.0, 56.0]


def test_the_imbalance_is_the_signed_share_of_size_on_the_bid() -> None:
    frame = features(book(row(0, [(99, 3), (98, 0.5), (97, 0.5)], [(101, 1), (102, 5)])))

    assert values(frame, "imbalance_1") == [0.5]
    assert values(frame, "imbalance_3") == [-0.2]


def test_the_imbalance_is_one_when_the_ask_is_empty() -> None:
    frame = features(book(row(0, [(99, 3)], [])))

    assert values(frame, "imbalance_1") == [1.0]
    assert values(frame, "ask_depth_1") == [0.0]


def test_the_imbalance_is_null_when_both_sides_are_empty_or_of_size_zero() -> None:
    frame = features(book(row(0, [], []), row(1, [(99, 0)], [(101, 0)])))

    assert values(frame, "imbalance_3") == [None, None]


def test_a_book_with_fewer_levels_than_asked_for_counts_those_it_has() -> None:
    deep = SMALL.model_copy(update={"levels": 10})
    frame = features(book(row(0, [(99, 3), (98, 1)], [(101, 1), (102, 1)], depth=2), depth=2), settings=deep)

    assert values(frame, "bid_depth_10") == [4.0]
    assert values(frame, "imbalance_5") == [1 / 3]


def test_a_book_with_more_levels_than_asked_for_counts_only_those_asked_for() -> None:
    shallow = SMALL.model_copy(update={"levels": 1})
    frame = features(book(row(0, [(99, 3), (98, 1)], [(101, 1), (102, 1)])), settings=shallow)

    assert values(frame, "imbalance_1") == [0.5]
    assert "imbalance_3" not in frame.columns
