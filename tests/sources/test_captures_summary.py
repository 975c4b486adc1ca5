from datetime import date
from pathlib import Path

import numpy as np
from capture_files import MIDNIGHT, NOON, SETTINGS, SHORT_LINES, UNTIMED, gzipped, plain, spot_ticker, tickers
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.sources.lines import UNREADABLE, filled_forward, line_starts, receive_times
from trading_assets.sources.summary import capture_summary

MINUTE = 60 * 10**9
DAY = date(2024, 8, 8)


def test_a_real_capture_is_counted(shared_data: Path) -> None:
    path = shared_data / "captures/binance_usdm/BTCUSDT/2024-08-08.jsonl.gz"

    summary = capture_summary(path, SETTINGS, day=DAY)

    assert (
        summary.n_lines,
        summary.n_bytes,
        summary.n_unreadable_times,
        summary.n_outside_day,
    ) == (93_954, 27_757_550, 0, 0)
    assert summary.intervals == ((1723161255030314667, 1723161599833492584),)


def test_a_silence_of_more_than_a_minute_ends_an_interval(tmp_path: Path) -> None:
    times = [NOON, NOON + MINUTE, NOON + 2 * MINUTE + 1, NOON + 2 * MINUTE, NOON + 9 * MINUTE]
    path = plain(tmp_path / "capture", [spot_ticker(ns) for ns in times])

    assert capture_summary(path, SETTINGS).intervals == (
        (NOON, NOON + MINUTE),
        (NOON + 2 * MINUTE + 1,) * 2,
        (NOON + 9 * MINUTE,) * 2,
    )


def test_a_file_without_receive_times_has_no_interval(tmp_path: Path) -> None:
    summary = capture_summary(plain(tmp_path / "capture", [b"a\n", b"b"]), SETTINGS)

    assert (summary.n_lines, summary.n_unreadable_times, summary.intervals) == (2, 2, ())
    assert summary.first_recv is summary.last_recv is None


def test_lines_are_counted_with_what_a_gate_must_know(tmp_path: Path) -> None:
    lines = [*tickers(3), b"junk\n", spot_ticker(MIDNIGHT), b"1723118400000000000 " + b"x" * 1000]
    path = gzipped(tmp_path / "capture", lines)
    whole = path.read_bytes()

    sound = capture_summary(path, SHORT_LINES, day=DAY)
    path.write_bytes(whole[:-4])

    assert (6, sum(map(len, lines)), 1, 1) == (
        sound.n_lines,
        sound.n_bytes,
        sound.n_unreadable_times,
        sound.n_outside_day,
    )
    assert sound.damage is None
    assert capture_summary(path, SHORT_LINES, day=DAY).damage is not None


@UNTIMED
@given(words=st.lists(st.sampled_from([b"1723118400000000000 {}", b"9" * 19 + b" ", b"1" * 20, b"", b"x 1", b"\0"])))
def test_a_receive_time_is_nineteen_digits_and_a_space(words: list[bytes]) -> None:
    chunk = b"\n".join(words)
    lines = chunk.split(b"\n")
    lines = lines[:-1] if lines[-1] == b"" else lines
    expected = [1723118400000000000 if line.endswith(b"{}") else UNREADABLE for line in lines]

    assert expected == receive_times(chunk, line_starts(chunk)).tolist()


def test_what_is_unreadable_takes_the_value_before_it() -> None:
    values = np.array([UNREADABLE, 5, UNREADABLE, UNREADABLE, 7])

    assert filled_forward(values, 3).tolist() == [3, 5, 5, 5, 7]
