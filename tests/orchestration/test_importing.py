import os
from pathlib import Path

import pytest

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.importing import adopt_landed, files_in, landed_partitions
from trading_assets.orchestration.warehouse import Warehouse


def landed(warehouse: Warehouse, day: str, name: str) -> None:
    folder = warehouse.landing() / day / name
    folder.mkdir(parents=True)
    (folder / "00.jsonl.zst").touch()


def test_a_folder_gives_its_files_in_order_and_hidden_ones_not(tmp_path: Path) -> None:
    for name in ("b/2.gz", "b/1.gz", "a.gz", ".hidden", ".git/config", "b/.1.gz.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert ["a.gz", "b/1.gz", "b/2.gz"] == [str(path.relative_to(tmp_path)) for path in files_in(tmp_path)]


def test_links_that_lead_nowhere_or_in_a_circle_and_pipes_are_handed_over_to_be_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")

    assert ["circle", "loop", "pipe"] == [path.name for path in files_in(tmp_path)]


@pytest.mark.parametrize("path", ["", ".", "empty"])
def test_a_folder_without_files_and_no_name_are_refused(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()

    with pytest.raises(NotACapture):
        list(files_in(Path(path)))


def test_landed_lines_are_found_whatever_else_lies_beside_them(warehouse: Warehouse) -> None:
    landed(warehouse, "2024-08-09", "BTCUSDT.BINANCE")
    landed(warehouse, "2024-08-08", "BTCUSDT.BINANCE")
    landed(warehouse, "no day", "BTCUSDT.BINANCE")
    landed(warehouse, "2024-08-08", "[red]x")
    (warehouse.landing() / "2024-08-08" / "EMPTY.BINANCE").mkdir()

    keys = ["2024-08-08|BTCUSDT.BINANCE", "2024-08-09|BTCUSDT.BINANCE"]
    assert [Partition.parse(key) for key in keys] == landed_partitions(warehouse)


def test_an_instrument_whose_import_died_before_it_was_registered_is_adopted(warehouse: Warehouse) -> None:
    landed(warehouse, "2024-08-08", "BTCUSDT.BINANCE")

    adopt_landed(warehouse)

    assert [Instrument.parse("BTCUSDT.BINANCE")] == warehouse.registry.instruments()
