"""The truth on recordings of a few lines, each row worked out by hand."""

import pytest
from fault_lines import ns, snapshot, trade, update

from trading_assets.sources.faults.expected import Gap, expected_gaps
from trading_assets.sources.faults.wire import read

Row = tuple[str, float, float, float | None, int | None, int | None]
BID = '["98.00","2.00"]'


def ledger(*lines: bytes, yesterday: tuple[bytes, ...] = ()) -> list[Row]:
    return [row(gap) for gap in expected_gaps([*map(read, lines)], [*map(read, yesterday)])]


def row(gap: Gap) -> Row:
    start, known = ((ts - ns(0)) / 1e9 for ts in (gap.ts_start, gap.ts_known))
    end = None if gap.ts_end is None else (gap.ts_end - ns(0)) / 1e9
    return gap.cause, start, known, end, gap.seq_before, gap.seq_after


def test_a_sound_recording_has_no_gap() -> None:
    assert [] == ledger(snapshot(0, 9), update(1, 10, 12), update(2, 13, 13), trade(2, 1), trade(3, 2))


def test_a_missing_update_is_a_gap_from_the_last_good_message_to_the_next_snapshot() -> None:
    lines = [snapshot(0, 9), update(1, 10, 10), update(3, 12, 12), snapshot(4, 12), update(5, 13, 13)]

    assert [("sequence_gap", 1.0, 3.0, 4.0, 10, 12)] == ledger(*lines)


def test_an_update_that_comes_late_ends_its_gap() -> None:
    assert [("sequence_gap", 0.0, 2.0, 3.0, 9, 11)] == ledger(snapshot(0, 9), update(2, 11, 11), update(3, 10, 10))


def test_a_late_update_ends_no_gap_while_another_is_missing() -> None:
    late = update(1, 10, 10).replace(b"%d" % ns(1), b"%d" % ns(3))

    assert [("sequence_gap", 0.0, 2.0, None, 9, 12)] == ledger(snapshot(0, 9), update(2, 12, 12), late)


def test_a_book_without_a_snapshot_is_missing_from_its_first_update_on() -> None:
    lines = [update(1, 10, 10), update(2, 11, 11)]

    assert [("no_snapshot", 1.0, 1.0, None, None, 10)] == ledger(*lines)
    assert [("no_snapshot", 1.0, 1.0, 3.0, None, 10)] == ledger(*lines, snapshot(3, 11))


def test_a_snapshot_at_hand_makes_the_gap_a_resync() -> None:
    lines = [snapshot(0, 9), snapshot(1, 20), update(2, 21, 21)]

    assert [("resync", 0.0, 2.0, 2.0, 9, 20)] == ledger(*lines)


def test_futures_follow_the_link_and_not_the_ids() -> None:
    lines = [snapshot(0, 9), update(1, 12, 15, prev=8), update(2, 30, 31, prev=15)]

    assert [] == ledger(*lines)
    assert [("sequence_gap", 2.0, 3.0, None, 31, 40)] == ledger(*lines, update(3, 40, 41, prev=35))


def test_a_crossed_book_is_a_gap_while_it_is_crossed() -> None:
    planted, taken_out = '["101.00","1.00"]', '["101.00","0.00"]'
    lines = [
        snapshot(0, 9),
        update(1, 10, 10, bids=BID),
        update(2, 11, 11, bids=planted),
        update(3, 12, 12, bids=taken_out),
    ]

    assert [("crossed", 2.0, 2.0, 3.0, 10, 11)] == ledger(*lines)


def test_a_missing_trade_is_noted_when_the_next_one_comes() -> None:
    assert [("trade_gap", 1.0, 2.0, 2.0, 7, 9)] == ledger(trade(1, 7), trade(2, 9), trade(3, 8), trade(4, 9))


@pytest.mark.parametrize("cut", [b'"u":', b"}", b"17"])
def test_a_line_that_cannot_be_read_counts_as_lost(cut: bytes) -> None:
    broken = update(2, 11, 11).partition(cut)[0] + b"\n"

    assert [("sequence_gap", 1.0, 3.0, None, 10, 12)] == ledger(
        snapshot(0, 9), update(1, 10, 10), broken, update(3, 12, 12)
    )


def test_ten_messages_a_second_off_are_an_episode() -> None:
    lines = [trade(i, i) for i in range(400)]
    lines[300:320] = [b"%d" % (ns(i) + 1_000_000_000) + trade(i, i)[19:] for i in range(300, 320)]
    lines[350:359] = [b"%d" % (ns(i) + 1_000_000_000) + trade(i, i)[19:] for i in range(350, 359)]

    assert [("clock_skew", 301.0, 310.0, 320.0, None, None)] == [x for x in ledger(*lines) if x[0] == "clock_skew"]


def test_a_day_without_a_snapshot_goes_on_from_the_day_before() -> None:
    before = (snapshot(-43_205, 9), update(-43_203, 10, 10))

    assert [] == ledger(update(1, 11, 11), yesterday=before)
    assert [("sequence_gap", -43_203.0, 1.0, None, 10, 12)] == ledger(update(1, 12, 12), yesterday=before)
    assert [] == ledger(snapshot(1, 40), update(2, 41, 41), yesterday=before)
