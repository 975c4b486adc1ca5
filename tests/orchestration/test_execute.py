import stat
from pathlib import Path

import polars as pl
import pytest
from toy_steps import doubled, record_day, source, toy_gate

from trading_assets.errors import CorruptObject, NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.formats import write_parquet

NAN = float("nan")


def values(warehouse: Warehouse, asset: str, partition: Partition) -> list[float]:
    return warehouse.lake.open(warehouse.lake.resolve(asset, partition)).collect()["x"].to_list()


def test_a_step_reads_what_is_published_and_publishes_what_passed(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    execute(source(), partition, warehouse, run_id="a")
    outcome = execute(doubled(), partition, warehouse, run_id="b")

    assert [2.0, 4.0] == values(warehouse, "twice", partition)
    (upstream,) = outcome.versions["twice"].inputs
    assert ("table", partition.day, warehouse.lake.resolve("table", partition).md5) == upstream


def test_downstream_of_a_refused_partition_finds_nothing(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    execute(source([NAN, NAN]), partition, warehouse, run_id="a")

    with pytest.raises(NotPublished, match=r"table of 2024-08-08\|BTCUSDT.BINANCE is not published"):
        execute(doubled(), partition, warehouse, run_id="b")


def test_downstream_of_a_refused_update_reads_the_version_before(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    execute(source(), partition, warehouse, run_id="a")
    execute(source([NAN, NAN]), partition, warehouse, run_id="b")
    execute(doubled(), partition, warehouse, run_id="c")

    assert [2.0, 4.0] == values(warehouse, "twice", partition)


def test_a_damaged_input_stops_the_step(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    md5 = execute(source(), partition, warehouse, run_id="a").versions["table"].md5
    path = warehouse.lake.store.object_path(md5)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(CorruptObject):
        execute(doubled(), partition, warehouse, run_id="b")


def test_an_unrecorded_day_says_how_to_record_it(warehouse: Warehouse, partition: Partition) -> None:
    with pytest.raises(NotPublished, match="trading-assets import"):
        execute(doubled(), partition, warehouse, run_id="a")


def test_a_step_that_fails_leaves_no_trace_in_the_lake(warehouse: Warehouse, partition: Partition) -> None:
    with pytest.raises(TypeError):
        execute(source(object()), partition, warehouse, run_id="a")

    assert [] == _files(warehouse)


def test_the_same_partition_twice_is_one_version(warehouse: Warehouse, partition: Partition) -> None:
    first = execute(source(), partition, warehouse, run_id="a").versions["table"]
    second = execute(source(), partition, warehouse, run_id="b").versions["table"]

    assert first == second


def _files(warehouse: Warehouse) -> list[Path]:
    remembered = {".lock", *(path.name for path in warehouse.lake.store.root.glob("catalog-*"))}
    return [path for path in warehouse.lake.store.root.rglob("*") if path.is_file() and path.name not in remembered]


def in_workspace(folder: list[Path], *, outside: Path | None = None) -> Step:
    @published(Output(toy_gate()))
    def table(workspace: Path) -> Path:
        """A table that was written in the workspace, beside something else."""
        folder.append(workspace)
        (workspace / "scratch").write_bytes(b"half")
        path = outside or workspace / "made"
        write_parquet(pl.DataFrame({"x": [1.0, 2.0]}), path)
        return path

    return table


def test_a_file_that_was_made_in_the_workspace_is_published_as_if_it_had_been_written(
    warehouse: Warehouse, partition: Partition
) -> None:
    made: list[Path] = []
    moved = execute(in_workspace(made), partition, warehouse, run_id="a").versions["table"]
    written = execute(source(), partition, warehouse, run_id="b").versions["table"]

    assert moved == written
    assert 0o444 == stat.S_IMODE(warehouse.lake.store.object_path(moved.md5).stat().st_mode)
    assert not made[0].parent.exists()


def test_only_a_file_of_the_workspace_is_moved(warehouse: Warehouse, partition: Partition, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no file of the workspace"):
        execute(in_workspace([], outside=tmp_path / "mine"), partition, warehouse, run_id="a")

    assert (tmp_path / "mine").exists()
    assert [] == _files(warehouse)


def test_a_link_in_the_workspace_is_not_moved(warehouse: Warehouse, partition: Partition, tmp_path: Path) -> None:
    @published(Output(toy_gate()))
    def table(workspace: Path) -> Path:
        """A link to somebody's file."""
        write_parquet(pl.DataFrame({"x": [1.0, 2.0]}), tmp_path / "mine")
        (workspace / "link").symlink_to(tmp_path / "mine")
        return workspace / "link"

    with pytest.raises(ValueError, match="is no file of the workspace"):
        execute(table, partition, warehouse, run_id="a")
