import io
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from capture_files import (
    MIDNIGHT,
    NOON,
    SETTINGS,
    SHORT_LINES,
    UNTIMED,
    content,
    gzipped,
    lines_of,
    plain,
    spot_snapshot,
    spot_ticker,
    tickers,
    zstd,
)
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.errors import CorruptObject
from trading_assets.sections import CaptureSettings
from trading_assets.sources.lines import UNREADABLE
from trading_assets.sources.merger import merge_captures
from trading_assets.sources.summary import capture_summary

LONG = b" " + b"x" * SHORT_LINES.max_line_bytes
wire_lines = st.builds(
    lambda ns, text: (b"" if ns == UNREADABLE else str(NOON + ns).encode()) + text + b"\n",
    st.integers(-1, 4),
    st.sampled_from([b" a", b" b", b"", LONG]),
)
recordings = st.lists(st.lists(wire_lines, max_size=8), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("merges")


def write_all(folder: Path, recorded: Sequence[Sequence[bytes]]) -> list[Path]:
    return [plain(folder / f"source-{n}", lines) for n, lines in enumerate(recorded)]


def merged(folder: Path, sources: Sequence[Path], settings: CaptureSettings = SHORT_LINES) -> bytes:
    out = folder / "merged"
    merge_captures(sources, out, settings)
    return out.read_bytes()


@UNTIMED
@given(recorded=recordings)
def test_a_line_occurs_as_often_as_in_the_source_that_has_it_most(folder: Path, recorded: list[list[bytes]]) -> None:
    union: Counter[bytes] = Counter()
    for lines in recorded:
        union |= Counter(lines)

    merged(folder, write_all(folder, recorded))

    assert union == Counter(lines_of(folder / "merged"))


@UNTIMED
@given(recorded=recordings)
def test_neither_the_order_of_sources_nor_repeats_nor_merging_again_changes_a_byte(
    folder: Path, recorded: list[list[bytes]]
) -> None:
    sources = write_all(folder, recorded)
    once = merged(folder, sources)
    (folder / "once").write_bytes(once)

    assert once == merged(folder, sources[::-1])
    assert once == merged(folder, sources + sources)
    assert once == merged(folder, [folder / "once"])
    assert once == merged(folder, [folder / "once", *sources])


@UNTIMED
@given(recorded=recordings)
def test_the_largest_source_keeps_its_order_and_receive_times_rise_where_they_rose(
    folder: Path, recorded: list[list[bytes]]
) -> None:
    recorded = [sorted(lines) for lines in recorded]
    largest = max(len(lines) for lines in recorded)

    merged(folder, write_all(folder, recorded))
    result = lines_of(folder / "merged")
    times = [line[:20] for line in result if line[19:20] == b" "]

    assert any(is_subsequence(lines, result) for lines in recorded if len(lines) == largest)
    assert sorted(times) == times


def is_subsequence(lines: list[bytes], of: list[bytes]) -> bool:
    rest = iter(of)
    return all(line in rest for line in lines)


def test_sources_interleave_by_receive_time(tmp_path: Path) -> None:
    lines = tickers(1000)
    halves = write_all(tmp_path, [lines[::2], lines[1::2]])

    merge_captures(halves, tmp_path / "merged", SETTINGS)
    summary = capture_summary(tmp_path / "merged", SETTINGS)

    assert lines == lines_of(tmp_path / "merged")
    assert (summary.n_lines, summary.first_recv, summary.last_recv) == (1000, NOON, NOON + 999 * 10**6)


def test_an_overlap_is_taken_once(tmp_path: Path) -> None:
    lines = tickers(1000)
    sources = [zstd(tmp_path / "early", lines[:700], 3), gzipped(tmp_path / "late", lines[300:])]

    merge_captures(sources, tmp_path / "merged", SETTINGS)

    assert lines == lines_of(tmp_path / "merged")


def test_a_line_that_arrived_late_stays_where_its_source_has_it(tmp_path: Path) -> None:
    late = [spot_ticker(NOON + 5), spot_ticker(NOON + 1, u=2), spot_ticker(NOON + 6)]
    other = [spot_snapshot(NOON + 3)]

    merge_captures(write_all(tmp_path, [late, other]), tmp_path / "merged", SETTINGS)

    assert [*other, *late] == lines_of(tmp_path / "merged")


def test_equal_lines_are_equal_bytes_in_another_process_and_another_encoding(tmp_path: Path) -> None:
    lines = tickers(5000)
    sources = [plain(tmp_path / "a", lines), gzipped(tmp_path / "b", lines, 7), zstd(tmp_path / "c", lines, 900)]
    script = (
        "import sys; from pathlib import Path; from trading_assets.sections import CaptureSettings as S;"
        "from trading_assets.sources.merger import merge_captures;"
        "merge_captures([Path(sys.argv[1])], Path(sys.argv[2]), S())"
    )
    subprocess.run([sys.executable, "-c", script, sources[0], tmp_path / "elsewhere"], check=True)

    assert {(tmp_path / "elsewhere").read_bytes()} == {merged(tmp_path, [each], SETTINGS) for each in sources}


def test_a_damaged_source_is_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    good, bad = zstd(tmp_path / "good", tickers(5)), zstd(tmp_path / "bad", tickers(9))
    bad.write_bytes(bad.read_bytes()[:-6])
    before = merged(tmp_path, [good])

    with pytest.raises(CorruptObject, match=r"bad: .* cut off"):
        merge_captures([good, bad], tmp_path / "merged", SETTINGS)

    assert before == (tmp_path / "merged").read_bytes()
    assert {"good", "bad", "merged"} == {path.name for path in tmp_path.iterdir()}


def test_a_missing_last_line_feed_is_added(tmp_path: Path) -> None:
    sources = write_all(tmp_path, [[b"1723161255030314667 {}"], [b"1723161255030314668 {}"]])

    merge_captures(sources, tmp_path / "merged", SETTINGS)

    assert content(tmp_path / "merged") == b"1723161255030314667 {}\n1723161255030314668 {}\n"


def test_the_two_real_spot_days_join_into_one_without_a_lost_line(shared_data: Path, tmp_path: Path) -> None:
    days = sorted((shared_data / "captures/binance/BTCUSDT").glob("*.gz"))

    merge_captures(days[::-1], tmp_path / "merged", SETTINGS)
    summary = capture_summary(tmp_path / "merged", SETTINGS)

    assert b"".join(content(day) for day in days) == content(tmp_path / "merged")
    assert summary.last_recv is not None
    assert summary.last_recv > MIDNIGHT
    assert io.BytesIO(content(tmp_path / "merged")).read(4) == b"1723"
