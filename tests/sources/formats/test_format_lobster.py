import shutil
from pathlib import Path

import pytest
from format_files import NOON, brought, documents, opened, refusal, written

from trading_assets.sources.formats.base import Lack

NAME = "AAPL_{day}_34200000_57600000_{part}_2.csv"
GONE = 9_999_999_999
FIRST = f"1001000,5,1000000,7,{GONE},0,-{GONE},0"


def pair(folder: Path, messages: list[str], books: list[str], day: str = "2024-08-08") -> Path:
    folder.mkdir(exist_ok=True)
    written(folder / NAME.format(day=day, part="orderbook"), "".join(f"{row}\n" for row in books))
    return written(folder / NAME.format(day=day, part="message"), "".join(f"{row}\n" for row in messages))


def asks(top: str, second: str = f"{GONE},0") -> str:
    """A book of one bid and two asks, each `price,size`."""
    return f"{top},1000000,7,{second},-{GONE},0"


def test_a_level_that_the_book_lacks_is_no_level_and_prices_are_ten_thousandths(tmp_path: Path) -> None:
    ((at, said),) = documents(opened(pair(tmp_path, ["43200.5,1,9,5,1001000,-1"], [FIRST])))

    assert [["100", "7"]] == said["bids"]
    assert [["100.1", "5"]] == said["asks"]
    assert 4 * 3600 * 10**9 + 500_000_000 == at  # noon in New York is four in the afternoon, in summer
    assert NOON + at == said["ts_event"]


def test_midnight_is_that_of_new_york_in_winter_as_well(tmp_path: Path) -> None:
    path = pair(tmp_path, ["43200,1,9,5,1001000,-1"], [FIRST], day="2024-01-08")

    ((_, said),) = documents(opened(path))

    assert 1_704_733_200_000_000_000 == said["ts_event"]  # 17:00 UTC


def test_an_execution_is_a_trade_of_the_other_side_before_the_book_it_left(tmp_path: Path) -> None:
    messages = ["1,1,9,5,1001000,-1", "2,4,9,2,1001000,-1"]

    found = [said for _, said in documents(opened(pair(tmp_path, messages, [FIRST, asks("1001000,3")])))]

    assert ["snapshot", "trade", "snapshot"] == [said["interchange"] for said in found]
    assert ("buy", "100.1", "2", None) == tuple(found[1][key] for key in ("side", "px", "sz", "id"))


@pytest.mark.parametrize(("day", "side"), [("2014-07-11", "sell"), ("2014-07-14", None)])
def test_a_hidden_execution_is_a_trade_whose_side_was_told_until_july_2014(
    tmp_path: Path, day: str, side: str | None
) -> None:
    path = pair(tmp_path, ["1,1,9,5,1001000,-1", "2,5,0,2,1000500,1"], [FIRST, FIRST], day=day)

    found = [said for _, said in documents(opened(path))]

    assert ["snapshot", "trade"] == [said["interchange"] for said in found]
    assert side == found[1]["side"]


def test_crosses_and_halts_are_no_trades_and_are_counted(tmp_path: Path) -> None:
    messages = ["1,1,9,5,1001000,-1", "2,6,-1,900,1000500,-1", "3,7,0,0,-1,-1", "4,7,0,0,1,-1"]
    reading = opened(pair(tmp_path, messages, [FIRST] * 4))

    assert ["snapshot"] == [said["interchange"] for _, said in documents(reading)]
    assert [
        "1 crosses are no trades of their own",
        "2 trading halts begin or end: the book stands still between",
    ] == reading.notes


AGREEING = {
    "a deeper order comes": ("1,1,9,4,1002000,-1", asks("1001000,5", "1002000,4")),
    "an order joins": ("1,1,9,4,1001000,-1", asks("1001000,9")),
    "a better order comes": ("1,1,9,4,1000500,-1", asks("1000500,4", "1001000,5")),
    "a part is cancelled": ("1,2,9,4,1001000,-1", asks("1001000,1")),
    "the last order goes": ("1,3,9,5,1001000,-1", asks(f"{GONE},0")),
}
CONTRADICTING = {
    "the wrong size": ("1,1,9,4,1001000,-1", asks("1001000,8")),
    "the wrong side": ("1,1,9,4,1001000,1", asks("1001000,9")),
    "the wrong price": ("1,1,9,4,1000900,-1", asks("1001000,9")),
    "nothing happened": ("1,4,9,4,1001000,-1", asks("1001000,5")),
    "the other side changed too": ("1,1,9,4,1001000,-1", asks("1001000,9").replace("1000000,7", "1000000,8")),
    "a hidden order changed the book": ("1,5,0,4,1001000,-1", asks("1001000,1")),
    "more was taken than was there": ("1,4,9,6,1001000,-1", asks(f"{GONE},0")),
}


@pytest.mark.parametrize("case", [*AGREEING, *CONTRADICTING])
def test_each_message_is_held_against_the_change_of_the_book(tmp_path: Path, case: str) -> None:
    message, book = {**AGREEING, **CONTRADICTING}[case]
    reading = opened(pair(tmp_path, ["0.5,1,8,5,1001000,-1", message], [FIRST, book]))

    dead = [said for _, said in documents(reading) if isinstance(said, str)]

    assert ([message] if case in CONTRADICTING else []) == dead
    assert len(dead) == sum("contradict" in note for note in reading.notes)


@pytest.mark.parametrize("message", ["2,4,9,5,1001000,-1", "2,4,9,1,1001000,-1", "2,4,9,8,1003000,-1"])
def test_what_moves_in_from_below_the_last_level_was_not_seen_before(tmp_path: Path, message: str) -> None:
    books = [asks("1001000,5", "1003000,8"), asks("1003000,8", "1004000,1")]
    reading = opened(pair(tmp_path, ["1,1,8,5,1001000,-1", message], books))

    is_dead = any(isinstance(said, str) for _, said in documents(reading))

    assert is_dead is (message != "2,4,9,5,1001000,-1")


def test_rows_that_cannot_be_read_are_kept_with_their_partners(tmp_path: Path) -> None:
    messages = ["1,1,9,5,1001000,-1", "torn", "3,2,9,1,1001000,-1", "4,2,9,1,1001000,-1"]
    books = [FIRST, asks("1001000,4"), "", asks("1001000,2")]
    books[2] = "x"

    found = [said for _, said in documents(opened(pair(tmp_path, messages, books)))]

    assert ["torn", "x", "3,2,9,1,1001000,-1", books[1]] == [said for said in found if isinstance(said, str)][:4]


def test_a_row_that_cannot_be_read_is_as_late_as_the_last_that_can(tmp_path: Path) -> None:
    messages = ["1,1,9,5,1001000,-1", "86400,2,9,1,1001000,-1"]

    found = documents(opened(pair(tmp_path, messages, [FIRST, asks("1001000,4")])))

    times = {at for at, _ in found}
    assert messages[1] in [said for _, said in found]
    assert 1 == len(times)


def test_files_that_are_no_pair_are_refused(tmp_path: Path) -> None:
    path = pair(tmp_path, ["1,1,9,5,1001000,-1"] * 2, [FIRST])

    assert "row by row they are no pair" in refusal(path, tmp_path)
    path.with_name(path.name.replace("message", "orderbook")).unlink()
    assert "is missing" in refusal(path, tmp_path)


def test_either_file_of_a_pair_imports_both_to_the_same_lines(tmp_path: Path) -> None:
    path = pair(tmp_path, ["1,1,9,5,1001000,-1,GSCO"], [FIRST])
    other = path.with_name(path.name.replace("message", "orderbook"))

    landed = [brought(each, tmp_path).landing.captures for each in (path, other)]

    assert landed[0][0].path == landed[1][0].path
    assert "AAPL.NASDAQ" == str(landed[0][0].partition.instrument)


def test_the_sample_agrees_row_by_row(shared_data: Path, tmp_path: Path) -> None:
    for path in (shared_data / "lobster").glob("*.csv"):
        shutil.copy(path, tmp_path)
    reading = opened(next(tmp_path.glob("*_message_*")))

    found = [said for _, said in documents(reading)]

    assert [] == reading.notes
    assert [Lack.ARRIVAL_TIMES, Lack.UPDATE_IDS, Lack.TRADE_IDS] == [*reading.lacks]
    books = [said for said in found if said["interchange"] == "snapshot"]
    assert (938, 159) == (len(books), len(found) - len(books))
    assert [["585.33", "18"], ["585.3", "150"]] == books[0]["bids"][:2]
