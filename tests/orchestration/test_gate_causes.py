import json
from pathlib import Path

import zstandard
from sim_days import open_house, small_settings, step_of

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.storage.formats import CAPTURE

DAY = Partition.parse("2024-08-08|TOY.VENUE")
NOON_NS = 1_723_118_400_000_000_000


def refusal_of(asset: str, tmp_path: Path, messages: list[dict[str, object]], partition: Partition = DAY) -> str:
    """Why the gate refuses an asset of a recording of some depth messages, one a second."""
    house = open_house(small_settings(tmp_path))
    lines = "".join(f"{NOON_NS + n * 10**9} {json.dumps(m)}\n" for n, m in enumerate(messages))
    house.landing(partition).mkdir(parents=True)
    (house.landing(partition) / f"toy.{CAPTURE}").write_bytes(zstandard.compress(lines.encode()))
    for step in map(step_of, ("captures", "raw_trades", "book_features")):
        outcome = execute(step, partition, house, run_id="run")
        if asset in step.outputs:
            return outcome.refusal or "published"
        assert outcome.refusal is None
    return "not made"


def depth(kind: str, bids: list[list[str]], asks: list[list[str]]) -> dict[str, object]:
    return {"interchange": kind, "ts_event": None, "bids": bids, "asks": asks}


def test_a_book_without_a_snapshot_is_refused_as_that(tmp_path: Path) -> None:
    changes = [depth("update", [[f"{9 + n}", "1"]], [["20", "1"]]) for n in range(5)]

    assert "no snapshot was received, so the book was never known" in refusal_of("raw_trades", tmp_path, changes)


def test_ids_that_begin_again_are_named(tmp_path: Path) -> None:
    snapshot = {"lastUpdateId": 1_000, "bids": [["10", "1"]], "asks": [["11", "1"]]}
    changes = [
        {"e": "depthUpdate", "E": 1, "s": "TOY", "U": first, "u": first, "b": [["9", f"{n + 1}"]], "a": []}
        for n, first in enumerate([*range(1_001, 1_010), *range(1, 100)])
    ]
    refusal = refusal_of("raw_trades", tmp_path, [snapshot, *changes], Partition.parse("2024-08-08|TOY.BINANCE"))

    assert "book_covers_the_recording" in refusal
    assert "99 changes and snapshots have update ids behind those of the book" in refusal


def test_a_book_of_one_side_is_refused_as_that(tmp_path: Path) -> None:
    books = [depth("snapshot", [], [["20", f"{n + 1}"]]) for n in range(5)]

    assert "crossed or without one of its sides" in refusal_of("raw_trades", tmp_path, books)


def test_a_recording_that_is_too_short_for_features_says_how_long_it_is(tmp_path: Path) -> None:
    books = [depth("snapshot", [["10", "1"]], [["20", f"{n + 1}"]]) for n in range(2)]
    refusal = refusal_of("book_features", tmp_path, books)

    assert "ticks span 1 s" in refusal
    assert "windows_s is 2 s" in refusal
    assert "record for longer" in refusal
