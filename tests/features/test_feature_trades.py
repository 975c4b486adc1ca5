from feature_inputs import features, ledger, quotes, tape, values

FLAT = quotes(*[100] * 6)


def test_trades_are_counted_and_summed_over_the_window() -> None:
    frame = features(FLAT, tape((0.5, 1, "buy"), (1.0, 2, "sell"), (1.5, 4, "buy"), (3.5, 8, "sell")))

    assert values(frame, "n_trades_1s") == [None, 2, 1, 0, 1, 0]
    assert values(frame, "n_trades_2s") == [None, None, 3, 1, 1, 1]
    assert values(frame, "trade_volume_2s") == [None, None, 7.0, 4.0, 8.0, 8.0]


def test_trade_imbalance_is_the_signed_share_of_size_that_buyers_took() -> None:
    frame = features(FLAT, tape((0.5, 3, "buy"), (0.75, 1, "sell"), (1.5, 2, "sell"), (2.5, 2, "buy")))

    assert values(frame, "trade_imbalance_1s") == [None, 0.5, -1.0, 1.0, None, None]
    assert values(frame, "trade_imbalance_2s") == [None, None, 0.0, 0.0, 1.0, None]


def test_a_window_without_trades_has_none_of_volume_zero_and_no_imbalance() -> None:
    frame = features(FLAT)

    assert values(frame, "n_trades_1s") == [None, 0, 0, 0, 0, 0]
    assert values(frame, "trade_volume_1s") == [None, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert values(frame, "trade_imbalance_1s") == [None] * 6


def test_trades_count_by_their_time_of_receipt_in_whatever_order_they_stand() -> None:
    in_order = tape((0.5, 1, "buy"), (1.5, 2, "sell"), (2.5, 4, "buy"))

    assert features(FLAT, in_order).equals(features(FLAT, in_order.reverse()))


def test_a_gap_of_trades_nulls_the_windows_of_trades_alone() -> None:
    frame = features(FLAT, tape((0.5, 1, "buy")), ledger((1.5, 2.5, 2.5, "trade_gap")))

    assert values(frame, "n_trades_1s") == [None, 1, 0, None, 0, 0]
    assert values(frame, "trade_volume_2s") == [None, None, 1.0, None, None, 0.0]
    assert values(frame, "ofi_1_1s") == [None, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_gap_of_the_book_leaves_trades_alone() -> None:
    frame = features(FLAT, tape((2.5, 1, "buy")), ledger((1.5, 2.5, 3.5, "sequence_gap")))

    assert values(frame, "n_trades_1s") == [None, 0, 0, 1, 0, 0]


def test_trades_before_the_first_book_row_are_of_no_window() -> None:
    frame = features(FLAT, tape((-5, 1, "buy"), (0, 1, "buy")))

    assert values(frame, "n_trades_1s") == [None, 0, 0, 0, 0, 0]
