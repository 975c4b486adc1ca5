from pathlib import Path

import pytest
from toy_steps import doubled, record_day, source

from trading_assets.errors import CorruptObject, NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import Warehouse, execute

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
    return [path for path in warehouse.lake.store.root.rglob("*") if path.is_file() and path.name != ".lock"]
