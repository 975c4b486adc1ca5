from datetime import date
from functools import partial

import polars as pl
import pytest

from trading_assets.errors import CorruptObject, NotPublished
from trading_assets.export import write_partition
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.reading import read_table
from trading_assets.storage.formats import CAPTURE, PARQUET, write_parquet
from trading_assets.storage.records import Draft, Judgement, Origin, Version

MARKET = "BTCUSDT.BINANCE"
PASSED = (Judgement("rows", "n_rows", 1.0, 0.0, None, passed=True),)


def published(warehouse: Warehouse, asset: str, day: str, frame: pl.DataFrame) -> Version:
    suffix = CAPTURE if asset == "captures" else PARQUET
    write = partial(write_parquet, frame)
    with warehouse.lake.ticket(asset, Partition.parse(f"{day}|{MARKET}"), run_id="test") as ticket:
        draft = warehouse.lake.stage(ticket, asset, suffix, write)
        judged = Draft(draft.asset, draft.suffix, draft.file, PASSED)
        return warehouse.lake.publish(ticket, [judged], Origin("1", "0", ()))[asset]


def two_days(warehouse: Warehouse) -> list[Version]:
    for day in ("2024-08-08", "2024-08-09"):
        published(warehouse, "captures", day, pl.DataFrame({"x": [0]}))
    return [
        published(warehouse, "letters", day, pl.DataFrame({"day": [day], "raw": [b"\xff\n\x1b"]}))
        for day in ("2024-08-08", "2024-08-09")
    ]


def test_a_window_is_read_in_order_with_both_ends(warehouse: Warehouse) -> None:
    two_days(warehouse)

    table = read_table("letters", MARKET, "2024-08-08", date(2024, 8, 9), warehouse=warehouse).collect()
    assert ["2024-08-08", "2024-08-09"] == table["day"].to_list()
    assert 1 == len(read_table("letters", MARKET, "2024-08-09", "2030-01-01", warehouse=warehouse).collect())


def test_a_recorded_day_without_a_version_a_wrong_name_and_no_table_are_told_apart(warehouse: Warehouse) -> None:
    two_days(warehouse)
    published(warehouse, "captures", "2024-08-10", pl.DataFrame({"x": [0]}))

    with pytest.raises(NotPublished, match=r"letters of 2024-08-10\|BTCUSDT.BINANCE is not published"):
        read_table("letters", MARKET, "2024-08-08", "2024-08-10", warehouse=warehouse)
    with pytest.raises(NotPublished, match="there are: captures, letters"):
        read_table("leters", MARKET, "2024-08-08", "2024-08-09", warehouse=warehouse)
    with pytest.raises(NotPublished, match="is no table"):
        read_table("captures", MARKET, "2024-08-08", "2024-08-09", warehouse=warehouse)
    with pytest.raises(NotPublished, match="was recorded from 2020-01-01"):
        read_table("letters", MARKET, "2020-01-01", "2020-01-02", warehouse=warehouse)


def test_bytes_that_changed_after_publication_are_not_read(warehouse: Warehouse) -> None:
    version = two_days(warehouse)[0]
    path = warehouse.lake.store.object_path(version.md5)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")

    with pytest.raises(CorruptObject):
        read_table("letters", MARKET, "2024-08-08", "2024-08-09", warehouse=warehouse)


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_bytes_become_base64_where_a_format_has_no_bytes(warehouse: Warehouse, suffix: str) -> None:
    two_days(warehouse)
    target = warehouse.settings.root / f"letters.{suffix}"

    assert 1 == write_partition(warehouse, "letters", Partition.parse(f"2024-08-08|{MARKET}"), target)
    table = pl.read_csv(target) if suffix == "csv" else pl.read_json(target)
    assert [b"\xff\n\x1b"] == table["raw"].str.decode("base64").to_list()


def test_a_failed_export_leaves_the_file_that_was_there(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    two_days(warehouse)
    target = warehouse.settings.root / "letters.csv"
    target.write_text("kept")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", full)
    with pytest.raises(OSError, match="No space left"):
        write_partition(warehouse, "letters", Partition.parse(f"2024-08-08|{MARKET}"), target)
    assert "kept" == target.read_text()
    assert ["letters.csv"] == [path.name for path in target.parent.glob("*letters*")]
