"""A day is the same however many messages are taken at a time."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_books import recordings
from polars.testing import assert_frame_equal
from wire_books import Best, Depth, Line, capture, snapshot, update

from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.rebuild import Rebuild
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

DAY = date(2024, 8, 8)


def rebuilt(messages: Messages, *, window: int, is_futures: bool = False) -> RawDay:
    instrument = Instrument("X", "BINANCE_USDM" if is_futures else "BINANCE")
    return rebuild_day(messages, None, day=DAY, instrument=instrument, depth=2, window=window)


def in_order_without_repeats(lines: list[Depth]) -> list[Depth]:
    """What a reader of any window sees alike: repeats and what is out of place it looks for in its window only."""
    first = {(x.is_snapshot, x.first, x.last, x.prev): x for x in sorted(lines, key=lambda x: (x.ts, x.last))[::-1]}
    return sorted(first.values(), key=lambda x: (x.ts, x.last))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.booleans())
def test_a_day_is_the_same_whatever_the_window(data: st.DataObject, is_futures: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lines: list[Line] = [*in_order_without_repeats(data.draw(recordings(is_futures=is_futures))), Best(30, 3)]
    window = data.draw(st.integers(1, 6))
    one, other = (rebuilt(capture(lines), window=n, is_futures=is_futures) for n in (window, 8192))

    assert_frame_equal(one.snapshots, other.snapshots)
    assert_frame_equal(one.gaps, other.gaps)
    assert one.counts == other.counts
    assert one.findings.n_rows_beyond_snapshot == other.findings.n_rows_beyond_snapshot


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_line_has_one_fate_whatever_the_window(data: st.DataObject) -> None:
    lines: list[Line] = list(data.draw(recordings(is_futures=False)))
    day = rebuilt(capture(lines), window=data.draw(st.integers(1, 6)))

    assert day.counts.n_accounted == day.counts.n_lines == len(lines)


def test_a_message_within_a_window_of_its_place_is_put_there() -> None:
    lines = [snapshot(0, 1), *(update(n, n + 1, bids=[(90 + n % 5, n)]) for n in range(1, 40))]
    swapped = [*lines[:10], *lines[10:13][::-1], *lines[13:]]

    assert_frame_equal(rebuilt(capture(lines), window=4).snapshots, rebuilt(capture(swapped), window=4).snapshots)


def test_pieces_of_a_day_may_count_in_other_decimals() -> None:
    rebuild = Rebuild(day=DAY, instrument=Instrument("X", "BINANCE"), depth=1, window=1)
    pieces = [
        capture([snapshot(0, 1, bids=[(99, 1)], asks=[(101, 1)])]),
        capture([update(1, 2, bids=[(9905, 2)])], px_decimals=2),
        capture([update(2, 3, bids=[(99051, 3)], asks=[(101000, 0), (100999, 4)])], px_decimals=3),
    ]
    rows = [row for piece in pieces for _, row in rebuild.today(piece)] + [row for _, row in rebuild.end()]

    assert [row["bid_px_00"].to_list() for row in rows] == [[99.0], [99.05], [99.051]]
    assert rows[-1].select("ask_px_00", "ask_sz_00").rows() == [(100.999, 4.0)]


def test_updates_of_many_windows_wait_for_one_that_is_missing() -> None:
    lines = [snapshot(0, 1), *(update(n, n + 1, bids=[(90, n)]) for n in range(2, 60)), update(100, 2)]
    day = rebuilt(capture(lines), window=4)

    assert day.snapshots["is_valid"].to_list()[-1] is True
    assert day.snapshots["bid_px_00"].to_list()[-1] == 99.0
