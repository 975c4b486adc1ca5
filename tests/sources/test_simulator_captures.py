import gzip
import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from simulations import DAY, DEFAULTS, DEPTH, SIMBTC, SNAPSHOT, TRADE, captured, of_kind, parsed, recording

from trading_assets.errors import InvalidIdentifier, InvalidSettings
from trading_assets.identifiers import Instrument
from trading_assets.sources.simulator import captures
from trading_assets.sources.simulator.captures import simulate, write_captures
from trading_assets.sources.simulator.recording import Recording

NEXT = date(2024, 8, 9)
SIMETH = Instrument("SIMETH", "BINANCE")


def midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9


def test_equal_seeds_give_equal_bytes_and_other_seeds_or_symbols_give_other_bytes() -> None:
    assert captured(minutes_per_day=1) == captured(minutes_per_day=1)
    assert captured(minutes_per_day=1) != captured(minutes_per_day=1, seed=8)
    assert captured(minutes_per_day=1) != {
        day: lines.replace(b"SIMETH", b"SIMBTC").replace(b"simeth", b"simbtc")
        for day, lines in captured(SIMETH, minutes_per_day=1).items()
    }


def test_an_instrument_is_the_same_whatever_it_is_simulated_with(tmp_path: Path) -> None:
    alone = write_captures(tmp_path / "alone", [SIMETH], recording(minutes_per_day=1))
    beside = write_captures(tmp_path / "beside", [SIMBTC, SIMETH], recording(minutes_per_day=1))

    assert alone[0].read_bytes() == beside[1].read_bytes()


def test_a_longer_recording_begins_like_a_shorter_one() -> None:
    short, long = captured(minutes_per_day=1), captured(minutes_per_day=2)

    assert long[DAY].startswith(short[DAY][: len(short[DAY]) * 9 // 10])


def test_a_day_that_is_simulated_later_has_ids_above_those_of_days_before() -> None:
    before = parsed(captured(days=2, minutes_per_day=2)[NEXT])
    later = parsed(captured(start_day=date(2024, 8, 10), minutes_per_day=2)[date(2024, 8, 10)])

    assert max(depth["u"] for depth in of_kind(before, *DEPTH)) < min(d["U"] for d in of_kind(later, *DEPTH))
    assert max(trade["t"] for trade in of_kind(before, *TRADE)) < min(t["t"] for t in of_kind(later, *TRADE))


def test_files_are_named_by_instrument_and_day_and_hold_the_lines(tmp_path: Path) -> None:
    paths = write_captures(tmp_path, [SIMBTC, SIMETH], recording(days=2, minutes_per_day=1))

    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "SIMBTC.BINANCE/2024-08-08.jsonl.gz",
        "SIMBTC.BINANCE/2024-08-09.jsonl.gz",
        "SIMETH.BINANCE/2024-08-08.jsonl.gz",
        "SIMETH.BINANCE/2024-08-09.jsonl.gz",
    ]
    assert sorted(paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert captured(days=2, minutes_per_day=1)[NEXT] == gzip.decompress(paths[1].read_bytes())


def test_writing_twice_gives_the_same_files(tmp_path: Path) -> None:
    digests = [
        hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for folder in ("one", "two")
        for path in write_captures(tmp_path / folder, [SIMBTC], recording(minutes_per_day=1))
    ]

    assert digests[0] == digests[1]


def test_a_failure_leaves_the_earlier_file_and_nothing_torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = write_captures(tmp_path, [SIMBTC], recording(minutes_per_day=1))
    before = path.read_bytes()

    def torn(*_: object) -> Iterator[tuple[date, bytes]]:
        yield DAY, b"1 {}\n"
        raise OSError("disk full")

    monkeypatch.setattr(captures, "simulate", torn)
    with pytest.raises(OSError, match="disk full"):
        write_captures(tmp_path, [SIMBTC], recording(minutes_per_day=1))

    assert [path] == list(path.parent.iterdir())
    assert before == path.read_bytes()


def test_another_venue_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidIdentifier, match=r"SIMBTC\.BINANCE_USDM cannot be simulated"):
        write_captures(tmp_path, [SIMBTC, Instrument("SIMBTC", "BINANCE_USDM")], recording())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("days", 0),
        ("minutes_per_day", 0),
        ("minutes_per_day", 1441),
        ("signal_strength", -0.1),
        ("signal_strength", 1.1),
        ("signal_strength", float("nan")),
        ("seed", -1),
        ("snapshot_every_s", 0),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InvalidSettings, match=name):
        recording(**{name: value})


def test_each_session_begins_at_midnight_and_ids_run_on_over_the_pause() -> None:
    days = {day: parsed(capture) for day, capture in captured(days=3, minutes_per_day=1).items()}
    depths = {day: of_kind(messages, *DEPTH) for day, messages in days.items()}
    trades = {day: of_kind(messages, *TRADE) for day, messages in days.items()}

    assert [DAY, NEXT, date(2024, 8, 10)] == list(days)
    for day, messages in days.items():
        assert midnight_ns(day) <= messages[0][0] < midnight_ns(day) + 10**9
        assert messages[-1][0] < midnight_ns(day) + 60 * 10**9
    assert depths[DAY][-1]["u"] + 1_000_000 < depths[NEXT][0]["U"]
    assert trades[DAY][-1]["t"] + 10_000 < trades[NEXT][0]["t"]


def test_every_session_has_its_snapshot_within_a_second_and_then_at_the_asked_distance() -> None:
    for day, capture in captured(days=2, minutes_per_day=2, snapshot_every_s=30).items():
        at_s = [(received - midnight_ns(day)) / 1e9 for received, m in parsed(capture) if tuple(m) == SNAPSHOT]
        assert pytest.approx(at_s, abs=0.1) == [0.6, 30.6, 60.6, 90.6]


def test_receive_times_never_fall_and_latency_is_a_few_milliseconds() -> None:
    messages = parsed(captured()[DAY])
    received = [at for at, _ in messages]
    latency_ms = sorted(at / 1e6 - message["E"] for at, message in messages if "E" in message)

    assert received == sorted(received)
    assert latency_ms[0] > 0
    assert 2 < latency_ms[len(latency_ms) // 2] < 6


def test_a_clock_offset_moves_event_times_and_leaves_lines_in_their_day() -> None:
    late = parsed(captured(minutes_per_day=1, clock_offset_ms=-1270)[DAY])
    skew_ms = sorted(at / 1e6 - message["E"] for at, message in late if "E" in message)

    assert midnight_ns(DAY) <= late[0][0]
    assert -1268 < skew_ms[len(skew_ms) // 2] < -1264


class WholeDays(Recording):
    """The last minute of a day and the first of the next, as two whole days would meet."""

    def sessions(self) -> Iterator[tuple[date, int, int]]:
        minute_ns = 60 * 10**9
        yield DAY, midnight_ns(NEXT) - minute_ns, midnight_ns(NEXT)
        yield NEXT, midnight_ns(NEXT), midnight_ns(NEXT) + minute_ns


@pytest.mark.parametrize("clock_offset_ms", [0, -1270, 500])
def test_whole_days_join_without_losing_a_line_and_each_line_lies_in_its_day(clock_offset_ms: int) -> None:
    days: dict[date, bytes] = {}
    for day, part in simulate(SIMBTC, WholeDays(**DEFAULTS, clock_offset_ms=clock_offset_ms)):
        days[day] = days.get(day, b"") + part
    first, second = (parsed(days[day]) for day in (DAY, NEXT))
    depths = of_kind(first + second, *DEPTH)

    assert all(before["u"] + 1 == after["U"] for before, after in pairwise(depths))
    assert first[-1][0] < midnight_ns(NEXT) <= second[0][0]
    assert second[0][0] - first[-1][0] < 10**9
