from pathlib import Path

import pytest
from format_files import (
    INCREMENTAL,
    NOON_US,
    RULES,
    TRADES,
    brought,
    change,
    content,
    recording,
    refusal,
    written,
)

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Partition
from trading_assets.sources.importing import RECORDING, Rules, land_file

DAY_US = 86_400 * 10**6
TOP_1 = "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount\n"


def standing_in(folder: Path) -> Rules:
    """Rules where what has landed in a folder stands."""

    def standing(partition: Partition) -> list[Path]:
        return sorted((folder / "landing" / str(partition.day) / str(partition.instrument)).glob("*.zst"))

    return Rules(RULES.settings, RULES.start_day, RULES.today, standing)


def test_a_recording_is_landed_as_ever(tmp_path: Path) -> None:
    one = brought(recording(tmp_path / "f.jsonl", 3), tmp_path)

    assert (RECORDING, 3, ()) == (one.source, one.landing.n_lines, one.lacks)


def test_lines_go_to_the_day_they_were_received_and_each_day_says_its_source(tmp_path: Path) -> None:
    rows = [change(1, "bid", "1", "1"), change(DAY_US, "bid", "1", "2"), change(2, "bid", "1", "3")]

    one = brought(written(tmp_path / "f.csv", INCREMENTAL + "".join(rows)), tmp_path)

    assert ["2024-08-08", "2024-08-09"] == [str(c.partition.day) for c in one.landing.captures]
    first, second = (content(c.path).splitlines(keepends=True) for c in one.landing.captures)
    assert (3, 2) == (len(first), len(second))
    expected = b'{"interchange":"source","format":"tardis_incremental_book_L2","lacks":["update ids","trades"]}\n'
    assert [expected] * 2 == [lines[-1].split(b" ", 1)[1] for lines in (first, second)]
    assert first[-1].startswith(str((NOON_US + 2) * 1000).encode())


def test_importing_again_makes_the_same_capture(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", INCREMENTAL + change(1, "bid", "1", "1"))

    (first,), (again,) = brought(path, tmp_path).landing.captures, brought(path, tmp_path).landing.captures

    assert (first.path, True, False) == (again.path, first.is_new, again.is_new)


@pytest.mark.parametrize(("at", "expected"), [(-30 * 365 * DAY_US, "start_day"), (9 * 365 * DAY_US, "in the future")])
def test_days_that_may_not_be_recorded_are_refused(tmp_path: Path, at: int, expected: str) -> None:
    rows = change(1, "bid", "1", "1") + change(at, "bid", "1", "1")
    text = rows if NOON_US + at > 10**15 else rows.replace(str(NOON_US + at), str(10**15)).replace("-", "")

    reason = refusal(written(tmp_path / "f.csv", INCREMENTAL + text.replace("binancefutures", "binance")), tmp_path)

    assert expected in reason


def test_books_of_two_sources_do_not_mix_and_trades_join(tmp_path: Path) -> None:
    rules = standing_in(tmp_path)
    common = f"binance-futures,BTCUSDT,{NOON_US},{NOON_US + 1}"
    books = written(tmp_path / "books.csv", INCREMENTAL + change(1, "bid", "1", "1"))
    tops = written(tmp_path / "tops.csv", TOP_1 + f"{common},2,1,1,1\n")
    trades = written(tmp_path / "trades.csv", TRADES + f"{common},1,buy,1,1\n")

    brought(books, tmp_path, rules=rules)
    brought(trades, tmp_path, rules=rules)
    before = sorted((tmp_path / "landing").rglob("*.zst"))
    with pytest.raises(NotACapture, match="do not mix: tardis_book_snapshot_1 and tardis_incremental_book_L2"):
        brought(tops, tmp_path, rules=rules)

    assert before == sorted((tmp_path / "landing").rglob("*.zst"))
    assert 2 == brought(tops, tmp_path, "BTCUSDT.BINANCE_USDM_2", rules=rules).landing.n_lines


def test_a_recording_does_not_join_the_books_of_a_file(tmp_path: Path) -> None:
    rules = standing_in(tmp_path)
    row = change(1, "bid", "1", "1").replace("binance-futures", "binance")
    brought(written(tmp_path / "books.csv", INCREMENTAL + row), tmp_path, rules=rules)
    before = sorted((tmp_path / "landing").rglob("*.zst"))

    with pytest.raises(NotACapture, match="the venue's own messages: import it in a project folder"):
        brought(recording(tmp_path / "f.jsonl", 3), tmp_path, rules=rules)

    assert before == sorted((tmp_path / "landing").rglob("*.zst"))


def test_a_format_may_be_said_and_must_be_one(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", INCREMENTAL + change(1, "bid", "1", "1"))

    def landed(name: str) -> str:
        return land_file(path, landing=tmp_path / "landing", instrument=None, said_format=name, rules=RULES).source

    assert "tardis_incremental_book_L2" == landed("tardis_incremental_book_L2")
    with pytest.raises(NotACapture, match="is no format: it is one of recording, tardis_incremental_book_L2,"):
        landed("csv")
    with pytest.raises(NotACapture, match="none of 2 lines begins with a receive time"):
        landed(RECORDING)


def test_unreadable_rows_are_in_the_capture_byte_for_byte(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", INCREMENTAL.encode() + change(1, "bid", "1", "1").encode() + b"\xff\x00 odd\n")

    (capture,) = brought(path, tmp_path).landing.captures

    assert b" \xff\x00 odd\n" in content(capture.path)
