from functools import partial
from pathlib import Path

import polars as pl
import pytest
from exported_tables import book_table

from trading_assets.errors import NotExportable, NotPublished
from trading_assets.exporting.partition import BOOKS, export_partition
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.records import Draft, Judgement, Origin


def publish(warehouse: Warehouse, partition: Partition, folder: Path) -> None:
    """Publish a book of one row, as a step does."""
    table = pl.read_parquet(book_table([(5, 3, 1, True, [(9.0, 1.0)], [(10.0, 2.0)])], folder))
    with warehouse.lake.ticket(BOOKS, partition, run_id="test") as ticket:
        draft = warehouse.lake.stage(ticket, BOOKS, PARQUET, partial(write_parquet, table))
        judged = Draft(
            draft.asset, draft.suffix, draft.file, (Judgement("rows", "n_rows", 1.0, 0.0, None, passed=True),)
        )
        warehouse.lake.publish(ticket, [judged], Origin("1", "0", ()))


@pytest.mark.parametrize(("form", "name"), [("hftbacktest", "x.npz"), ("nautilus", "catalog")])
def test_a_published_book_is_exported_and_absent_trades_are_said(
    form: str, name: str, warehouse: Warehouse, partition: Partition, tmp_path: Path
) -> None:
    publish(warehouse, partition, tmp_path)

    said = export_partition(warehouse, form, partition, tmp_path / name)

    assert (tmp_path / name).exists()
    assert "trades are not published" in said


def test_what_is_not_published_is_named(warehouse: Warehouse, partition: Partition, tmp_path: Path) -> None:
    with pytest.raises(NotPublished, match="raw_l2_snapshots of 2024-08-08"):
        export_partition(warehouse, "nautilus", partition, tmp_path / "catalog")


@pytest.mark.parametrize(("form", "name"), [("zipline", "x"), ("hftbacktest", "x.csv"), ("nautilus", "taken")])
def test_what_cannot_be_written_is_refused(
    form: str, name: str, warehouse: Warehouse, partition: Partition, tmp_path: Path
) -> None:
    publish(warehouse, partition, tmp_path)
    (tmp_path / "taken").touch()

    with pytest.raises(NotExportable):
        export_partition(warehouse, form, partition, tmp_path / name)
