import json
from collections import Counter

import pytest
from fault_lines import SECOND, recording, snapshot, trade, untouched, untouched_output, update
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.errors import ImpossibleFaults, NotACapture
from trading_assets.sources.faults.request import FAULT_KINDS, Request, parse_amount
from trading_assets.sources.faults.truth import Truth, damaged
from trading_assets.sources.faults.wire import HEAD_BYTES, read

LINES = recording(800)
SOME = st.integers(0, 12)
REQUESTS = st.builds(
    Request,
    drop=SOME,
    repeat=SOME,
    swap=SOME,
    delay=SOME,
    corrupt=SOME,
    cross=st.integers(0, 3),
    skew=st.integers(0, 2),
    kinds=st.sampled_from([("update",), ("trade",), ("update", "trade", "snapshot")]),
    max_delay_ms=st.integers(1, 3000),
    skew_clock=st.sampled_from(["event", "receive"]),
)


def one(kind: str, **more: object) -> tuple[list[bytes], Truth]:
    return damaged(LINES, Request(**{kind: 1}, **more), seed=3)  # type: ignore[arg-type]  # a table of cases


def text(line: bytes) -> bytes:
    return line[HEAD_BYTES:]


@settings(max_examples=25)
@given(request=REQUESTS, seed=st.integers(0, 2**32))
def test_all_that_the_account_does_not_speak_of_is_byte_for_byte_as_it_was(request: Request, seed: int) -> None:
    lines, truth = damaged(LINES, request, seed=seed)

    assert untouched(LINES, truth) == untouched_output(lines, truth)
    assert {kind: getattr(request, kind) for kind in FAULT_KINDS if getattr(request, kind)} == Counter(
        fault.kind for fault in truth.faults
    )


@settings(max_examples=25)
@given(request=REQUESTS, seed=st.integers(0, 2**32))
def test_the_account_tells_where_each_message_is_now_and_when_it_arrived(request: Request, seed: int) -> None:
    lines, truth = damaged(LINES, request, seed=seed)
    touched = [x for fault in truth.faults for x in fault.touched]
    dropped = {x.line_in for fault in truth.faults if fault.kind == "drop" for x in fault.touched}
    dead = {letter.line_no: letter for letter in truth.dead_letters}

    for x in touched:
        assert x.ts_recv_in == read(LINES[x.line_in]).ts_recv
        assert (x.line_out is None) == (x.line_in in dropped)
        if x.line_out is not None and x.line_out not in dead:
            now = read(lines[x.line_out])
            assert (x.ts_recv_out, x.seq_first, x.seq_last) == (now.ts_recv, now.first, now.last)
    assert {n for n, line in enumerate(lines) if read(line).kind == "other"} == set(dead)
    assert [len(b"".join(lines[: x.line_no])) for x in dead.values()] == [x.offset for x in dead.values()]


def test_no_fault_leaves_every_byte_as_it_was() -> None:
    lines, truth = damaged(LINES, Request(), seed=1)

    assert lines == LINES
    assert truth.md5_in == truth.md5_out


def test_equal_seeds_give_equal_lines_and_other_seeds_others() -> None:
    wanted = Request(drop=3, repeat=3, swap=3, delay=3, corrupt=3, cross=1, skew=1)
    first, again, other = (damaged(LINES, wanted, seed=seed) for seed in (5, 5, 6))

    assert first == again
    assert first[0] != other[0]


def test_a_dropped_message_is_gone() -> None:
    lines, truth = one("drop")
    gone = truth.faults[0].touched[0].line_in

    assert lines == LINES[:gone] + LINES[gone + 1 :]


def test_a_repeated_message_says_the_same_later() -> None:
    lines, truth = one("repeat", max_delay_ms=1000)
    x = truth.faults[0].touched[0]

    assert len(lines) == len(LINES) + 1
    assert text(LINES[x.line_in]) == text(lines[x.line_out or 0])
    assert 1_000_000 <= (x.ts_recv_out or 0) - x.ts_recv_in <= 1_000_000_000


def test_swapped_neighbours_change_places_and_times_stay() -> None:
    lines, truth = one("swap", kinds=("update",))
    a, b = truth.faults[0].touched

    assert (a.line_out, b.line_out) == (b.line_in, a.line_in)
    assert b.line_in - a.line_in == 2
    assert text(lines[b.line_in]) == text(LINES[a.line_in])
    assert [read(line).ts_recv for line in lines] == [read(line).ts_recv for line in LINES]


def test_a_delayed_message_stands_where_its_new_time_puts_it() -> None:
    lines, truth = one("delay", max_delay_ms=2000)
    x = truth.faults[0].touched[0]
    times = [read(line).ts_recv for line in lines]

    assert times == sorted(times)
    assert text(LINES[x.line_in]) == text(lines[x.line_out or 0])
    assert (x.line_out or 0) > x.line_in


def test_a_cross_plants_a_price_beyond_the_other_side_and_takes_it_out_again() -> None:
    lines, truth = one("cross")
    planted, taken_out = truth.faults[0].touched
    side = truth.faults[0].detail.split()[0]
    before, after = (read(lines[x.line_out or 0]) for x in (planted, taken_out))
    rungs, gone = (before.bids, after.bids) if side == "bid" else (before.asks, after.asks)

    assert rungs[0] == ((102.0, 2.0) if side == "bid" else (98.0, 1.5))
    assert gone[0] == (rungs[0][0], 0.0)
    assert [gap.cause for gap in truth.gaps] == ["crossed"]
    assert (truth.gaps[0].ts_start, truth.gaps[0].ts_end) == (planted.ts_recv_out, taken_out.ts_recv_out)


@pytest.mark.parametrize("clock", ["event", "receive"])
def test_a_skewed_clock_is_off_by_seconds_for_a_while(clock: str) -> None:
    lines, truth = one("skew", skew_clock=clock)
    said = [read(lines[x.line_out or 0]) for x in truth.faults[0].touched]

    assert 30 <= len(said) <= 100
    assert {True} == {2e9 <= abs(m.ts_recv - (m.ts_event or 0)) <= 6.1e9 for m in said}
    assert "clock_skew" in {gap.cause for gap in truth.gaps}


def test_the_truth_is_a_json_document() -> None:
    _, truth = damaged(LINES, Request(drop=1, corrupt=1), seed=1)
    document = json.loads(json.dumps(truth.document()))

    assert ["corrupt", "drop"] == [fault["kind"] for fault in document["faults"]]
    assert document["gaps"][0].keys() == {"ts_start", "ts_known", "ts_end", "seq_before", "seq_after", "cause"}


@pytest.mark.parametrize(
    ("wanted", "room"),
    [
        ({"drop": 1602}, 1600),
        ({"swap": 1600}, None),
        ({"skew": 4}, 3),
        ({"cross": 10**6}, None),
        ({"delay": 1601}, 1590),
    ],
)
def test_more_faults_than_there_is_room_for_are_refused_with_the_room(wanted: dict[str, int], room: int | None) -> None:
    with pytest.raises(ImpossibleFaults, match=f"room for {'' if room is None else room}"):
        damaged(LINES, Request(**wanted), seed=1)  # type: ignore[arg-type]  # a table of cases


@pytest.mark.parametrize(
    "wrong",
    [
        {"drop": float("nan")},
        {"drop": float("inf")},
        {"drop": -1},
        {"swap": 1.5},
        {"skew": 0.5},
        {"max_delay_ms": 0},
        {"kinds": ()},
        {"kinds": ("updates",)},
        {"skew_clock": "wall"},
    ],
)
def test_amounts_that_are_none_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ImpossibleFaults, match="it must be"):
        Request(**wrong)  # type: ignore[arg-type]  # a table of cases


@pytest.mark.parametrize(("spelled", "amount"), [("5", 5), ("0", 0), ("0.5%", 0.005), ("100%", 1.0)])
def test_an_amount_is_a_count_or_a_share(spelled: str, amount: float) -> None:
    assert amount == parse_amount(spelled, name="drop")


@pytest.mark.parametrize(
    "spelled", ["", "nan", "nan%", "-1", "1e3", "0.5", "inf%", "\x1b[2J", "5 %", "\u0665", "9" * 99]
)
def test_anything_else_is_no_amount(spelled: str) -> None:
    with pytest.raises(ImpossibleFaults, match="write a count") as refused:
        parse_amount(spelled, name="drop")

    assert str(refused.value).isprintable()


def test_a_share_is_of_the_messages_that_can_be_hit() -> None:
    _, truth = damaged(LINES, Request(drop=0.01, kinds=("trade",)), seed=1)

    assert len(truth.faults) == 8
    assert {"trade"} == {fault.messages for fault in truth.faults}


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "no line is a message"),
        ([b"\n", b"hello\n", b"\xff\x00\n"], "no line is a message"),
        ([trade(1, 1), trade(1, 2).replace(b'"X"', b'"Y"')], "several instruments"),
        ([trade(1, 1), trade(86_400, 2)], "several UTC days"),
    ],
)
def test_what_is_not_one_instruments_day_is_refused(lines: list[bytes], why: str) -> None:
    with pytest.raises(NotACapture, match=why):
        damaged(lines, Request(drop=1), seed=1)


def test_a_recording_without_depth_messages_can_lose_trades_and_not_be_crossed() -> None:
    tape = [trade(i, i) for i in range(10)]
    _, truth = damaged(tape, Request(drop=1), seed=2)

    assert {gap.cause for gap in truth.gaps} <= {"trade_gap"}
    with pytest.raises(ImpossibleFaults, match="cross 1 was asked for"):
        damaged(tape, Request(cross=1), seed=1)


@pytest.mark.parametrize("head", [[], [snapshot(0, 0, asks="")]], ids=["never in step", "one-sided"])
def test_a_book_that_is_never_sound_cannot_be_crossed(head: list[bytes]) -> None:
    lines = [*head, *(update(i, i, i, bids='["9.0","1.0"]') for i in range(1, 20))]

    with pytest.raises(ImpossibleFaults, match="room for 0"):
        damaged(lines, Request(cross=1), seed=1)


def test_the_receive_clock_is_not_skewed_over_midnight() -> None:
    late = [b"%d" % (read(line).ts_recv + 43_119 * SECOND) + line[19:] for line in LINES]

    with pytest.raises(ImpossibleFaults, match="midnight"):
        damaged(late, Request(skew=3, skew_clock="receive", max_delay_ms=20_000), seed=1)


def test_a_line_that_says_nothing_is_carried_through() -> None:
    noise = b"1723118400000000000 {}\n"
    lines, _ = damaged([snapshot(0, 9), noise, *LINES[1:]], Request(drop=5), seed=1)

    assert noise in lines
