import gzip
import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from datetime import date
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
    noise,
    plain,
    spot_snapshot,
    spot_ticker,
    tickers,
    usdm_depth,
    zstd,
)
from hypothesis import given
from hypothesis import strategies as st
from own_peak import OWN_PEAK

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sections import CaptureSettings
from trading_assets.sources.landing import Landing, land_capture
from trading_assets.sources.merger import merge_captures
from trading_assets.sources.writer import CanonicalWriter

SPOT = Instrument.parse("BTCUSDT.BINANCE")
JUNK = [b"\n", b"\xff\xfe\n", b"17231181 {}\n", b"9999999999999999999 {}\n", b"1723118400000000000{}\n", b"junk\r\n"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("landings")


def land(path: Path, instrument: Instrument | None = None, settings: CaptureSettings = SETTINGS) -> Landing:
    return land_capture(
        path,
        landing=path.parent / "landing",
        instrument=instrument,
        settings=settings,
        start_day=date(2024, 1, 1),
        today=date(2026, 11, 22),
    )


def landed(landing: Landing) -> dict[str, list[bytes]]:
    return {str(capture.partition): lines_of(capture.path) for capture in landing.captures}


def files(path: Path) -> set[str]:
    return {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}


def refusal(path: Path, instrument: Instrument | None = None, settings: CaptureSettings = SETTINGS) -> str:
    """Land a file that must be refused whole, with one line; return that line."""
    with pytest.raises(NotACapture) as refused:
        land(path, instrument, settings)
    assert not (path.parent / "landing").exists() or not files(path.parent / "landing")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_real_capture_lands_whole_in_one_partition(shared_data: Path, tmp_path: Path) -> None:
    for market in ("binance", "binance_usdm"):
        real = shared_data / f"captures/{market}/BTCUSDT/2024-08-08.jsonl.gz"
        path = Path(shutil.copy(real, tmp_path / market))

        (capture,) = land(path).captures

        assert f"2024-08-08|BTCUSDT.{market.upper()}" == str(capture.partition)
        assert gzip.decompress(real.read_bytes()) == content(capture.path)


def test_two_real_days_in_one_file_land_as_two_days(shared_data: Path, tmp_path: Path) -> None:
    days = sorted((shared_data / "captures/binance/BTCUSDT").glob("*.gz"))
    path = plain(tmp_path / "both", [day.read_bytes() for day in days])

    captures = land(path).captures

    assert [str(each.partition) for each in captures] == ["2024-08-08|BTCUSDT.BINANCE", "2024-08-09|BTCUSDT.BINANCE"]
    assert [content(day) for day in days] == [content(each.path) for each in captures]


def test_a_recording_of_a_venue_that_nothing_reads_is_refused(tmp_path: Path) -> None:
    lines = [b'%d [17470,"te",[401597395,%d,0.005,7245.3]]\n' % (NOON + n, NOON) for n in range(3)]

    message = refusal(plain(tmp_path / "capture", lines))

    assert "supported are recordings of BINANCE, " in message


def test_the_same_lines_land_as_the_same_file_however_they_come(tmp_path: Path) -> None:
    lines = tickers(500)
    first = land(plain(tmp_path / "a", lines))
    second = land(gzipped(tmp_path / "b", lines, 3))
    third = land(zstd(tmp_path / "c", lines))

    assert [[c.is_new for c in each.captures] for each in (first, second, third)] == [[True], [False], [False]]
    assert len(files(tmp_path / "landing")) == 1


def test_symbols_of_one_market_are_split_line_by_line(tmp_path: Path) -> None:
    btc, eth = tickers(50), tickers(50, symbol="ETHUSDT")
    mixed = [line for pair in zip(btc, eth, strict=True) for line in pair]

    found = landed(land(plain(tmp_path / "capture", mixed)))

    assert {"2024-08-08|BTCUSDT.BINANCE": btc, "2024-08-08|ETHUSDT.BINANCE": eth} == found


def test_files_that_overlap_land_apart_and_merge_into_all_lines_once(tmp_path: Path) -> None:
    lines = tickers(1000)
    parts = [land(plain(tmp_path / "a", lines[:600])), land(gzipped(tmp_path / "b", lines[400:]))]

    merge_captures([part.captures[0].path for part in parts], tmp_path / "merged", SETTINGS)

    assert lines == lines_of(tmp_path / "merged")


words = st.one_of(
    st.builds(spot_ticker, st.integers(MIDNIGHT - 3, MIDNIGHT + 3), st.sampled_from(["BTCUSDT", "ETHUSDT"])),
    st.sampled_from([*JUNK, b"x" * 500 + b"\n"]),
)


@UNTIMED
@given(lines=st.lists(words, max_size=30), cut=st.booleans())
def test_splitting_loses_no_line_and_alters_none(folder: Path, lines: list[bytes], cut: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    lines = [*lines, spot_ticker(MIDNIGHT)]
    shutil.rmtree(folder / "landing", ignore_errors=True)
    path = plain(folder / "capture", [b"".join(lines)[: -1 if cut else None]])

    landing = land(path, settings=SHORT_LINES)

    assert Counter(lines) == sum((Counter(found) for found in landed(landing).values()), Counter())
    assert sum(capture.n_lines for capture in landing.captures) == landing.n_lines == len(lines)


def test_a_line_that_says_nothing_goes_with_the_line_before_it(tmp_path: Path) -> None:
    before, after = [spot_ticker(MIDNIGHT - 1), *JUNK], [spot_ticker(MIDNIGHT), *JUNK]

    found = landed(land(plain(tmp_path / "capture", [*JUNK, *before, *after])))

    assert {"2024-08-08|BTCUSDT.BINANCE": [*JUNK, *before], "2024-08-09|BTCUSDT.BINANCE": after} == found


def test_carriage_returns_are_kept(tmp_path: Path) -> None:
    lines = [line.replace(b"\n", b"\r\n") for line in tickers(3)] + tickers(3, NOON + 10**9)

    assert {"2024-08-08|BTCUSDT.BINANCE": lines} == landed(land(plain(tmp_path / "capture", lines)))


def test_a_cut_off_file_lands_what_can_be_read_and_says_so(tmp_path: Path) -> None:
    path = gzipped(tmp_path / "capture", tickers(20_000))
    path.write_bytes(path.read_bytes()[:-5000])

    landing = land(path)
    (lines,) = landed(landing).values()

    assert "cut off" in str(landing.damage)
    assert tickers(20_000)[: len(lines) - 1] == lines[:-1]


def test_one_damaged_symbol_among_many_lines_makes_no_partition(tmp_path: Path) -> None:
    lines = [*tickers(2000), spot_ticker(NOON + 10**10, "BTCUSDX"), spot_snapshot(NOON + 10**10)]

    assert {"2024-08-08|BTCUSDT.BINANCE": lines} == landed(land(plain(tmp_path / "capture", lines)))


def test_an_instrument_that_was_named_takes_lines_that_do_not_name_theirs(tmp_path: Path) -> None:
    path = plain(tmp_path / "capture", [spot_snapshot(NOON)])

    assert "--instrument" in refusal(path)
    assert {"2024-08-08|BTCUSDT.BINANCE": [spot_snapshot(NOON)]} == landed(land(path, SPOT))


@pytest.mark.parametrize(
    ("lines", "named", "words"),
    [
        ([], None, ["the file is empty", "BINANCE_USDM"]),
        ([noise(10**5)], None, ["receive time", "BINANCE"]),
        ([b"\x89PNG\r\n\x1a\n", noise(10**4)], None, ["receive time"]),
        ([b"1723118400000000000 {}\n"], None, ["none is of a known venue"]),
        ([b"1723118400 {}\n"], None, ["nanoseconds since 1970"]),
        ([*tickers(3), usdm_depth(NOON)], None, ["BINANCE, BINANCE_USDM", "--instrument"]),
        ([*tickers(3), spot_ticker(NOON, "ETHUSDT"), spot_snapshot(NOON)], None, ["ETHUSDT", "split", "--instrument"]),
        (tickers(3), "ETHUSDT.BINANCE", ["ETHUSDT.BINANCE", "BTCUSDT"]),
        (tickers(3), "BTCUSDT.BINANCE_USDM", ["BTCUSDT.BINANCE_USDM", "of BINANCE"]),
        ([*tickers(1), *tickers(1, MIDNIGHT - 10**9 * 86400 * 365)], None, ["2023-08-10", "partitions.start_day"]),
        (tickers(1, NOON + 10**9 * 86400 * 1000), None, ["2027-05-05", "future"]),
        ([spot_ticker(NOON, "../../etc/passwd")] * 3, None, ["both its market and its symbol", "--instrument"]),
        ([spot_ticker(NOON, "A" * 99)] * 3, None, ["cannot be an instrument"]),
    ],
)
def test_what_cannot_be_placed_is_refused_with_a_line_that_says_why(
    tmp_path: Path, lines: Sequence[bytes], named: str | None, words: Sequence[str]
) -> None:
    path = plain(tmp_path / "capture", lines)

    message = refusal(path, Instrument.parse(named) if named else None)

    assert [word for word in words if word not in message] == []


def test_more_symbols_than_markets_could_have_are_refused(tmp_path: Path) -> None:
    path = plain(tmp_path / "capture", [spot_ticker(NOON, f"A{n}USDT") for n in range(11_000)])

    assert "different symbols" in refusal(path)


def test_a_folder_a_missing_file_and_a_device_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    assert "is a directory" in refusal(tmp_path / "folder")
    assert "No such file" in refusal(tmp_path / "missing")
    with pytest.raises(NotACapture, match="not a regular file"):
        land_capture(
            Path("/dev/null"),
            landing=tmp_path,
            instrument=None,
            settings=SETTINGS,
            start_day=date(2024, 1, 1),
            today=date(2026, 1, 1),
        )


def test_what_a_killed_import_left_behind_is_cleared_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / ".capture-0123.tmp").touch()
    alive = CanonicalWriter(landing, zstd_level=3)

    land(plain(tmp_path / "capture", tickers(3)))
    found = {name for name in files(landing) if name.endswith(".tmp")}
    alive.finish()
    alive.publish_as(landing / "done")

    assert len(found) == 1
    assert content(landing / "done") == b""


IN_A_TIGHT_PLACE = """
    import os, resource, sys, signal
    from datetime import date
    from trading_assets.sections import CaptureSettings
    from trading_assets.sources.landing import land_capture
    path, limit, user = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    os.setuid(user)
    before = own_peak_kib()
    try:
        landing = land_capture(
            path, landing=path.parent / "landing", instrument=None, settings=CaptureSettings(max_line_bytes=2**20),
            start_day=date(2024, 1, 1), today=date(2026, 1, 1),
        )
    except Exception as error:
        print(type(error).__name__)
    else:
        print(sum(capture.n_bytes for capture in landing.captures))
    print((own_peak_kib() - before) // 1024)
"""


def in_a_tight_place(path: Path, *, file_bytes: int = 2**32, user: int = 0) -> tuple[str, int]:
    command = [sys.executable, "-c", OWN_PEAK + textwrap.dedent(IN_A_TIGHT_PLACE), path, str(file_bytes), str(user)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    said, mebibytes = done.stdout.split()
    return said, int(mebibytes)


def test_a_line_of_64_mb_lands_byte_for_byte_in_little_memory(tmp_path: Path) -> None:
    lines = [*tickers(2), b"1723118400000000000 " + b"[" * (64 * 2**20) + b"\n", *tickers(2)]
    path = plain(tmp_path / "capture", lines)

    said, mebibytes = in_a_tight_place(path)
    (found,) = files(tmp_path / "landing")

    assert str(path.stat().st_size) == said
    assert mebibytes < 60
    assert path.read_bytes() == content(tmp_path / "landing" / found)


def test_a_full_disk_lands_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    lines = [f"{MIDNIGHT - 10 + n} ".encode() + noise(30_000, n).hex().encode() + b"\n" for n in range(20)]
    path = plain(tmp_path / "capture", [*tickers(1, MIDNIGHT - 11), *lines])

    said, _ = in_a_tight_place(path, file_bytes=100_000)

    assert said == "OSError"
    assert set() == files(tmp_path / "landing")


def test_without_permission_nothing_lands(tmp_path: Path) -> None:
    path = plain(tmp_path / "capture", tickers(3))
    (tmp_path / "landing").mkdir(mode=0o555)
    for each in (tmp_path, *tmp_path.parents):
        if each.name.startswith(("test_", "pytest-", "popen-")):
            each.chmod(0o755)
    nobody = 65534 if os.geteuid() == 0 else 0  # root may write anywhere, everybody else is somebody without permission

    assert in_a_tight_place(path, user=nobody)[0] == "PermissionError"
    path.chmod(0)
    assert in_a_tight_place(path, user=nobody)[0] in {"NotACapture", "PermissionError"}
