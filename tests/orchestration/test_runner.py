import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl
import pytest
from toy_steps import doubled, record_day, source, toy_gate

from trading_assets.identifiers import Partition
from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.runner import Report, run_partition
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse


@published(Output(toy_gate()))
def beside() -> pl.DataFrame:
    """A table that reads nothing."""
    return pl.DataFrame({"x": [7.0, 8.0]})


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(steps: Sequence[Step], partition: Partition, warehouse: Warehouse, instance: dg.DagsterInstance) -> Report:
    return run_partition(
        partition,
        steps=steps,
        assets=[as_dagster_asset(step, group="toys", settings=warehouse.settings) for step in steps],
        warehouse=warehouse,
        resources={**resources(warehouse.settings), "warehouse": warehouse},
        instance=instance,
    )


def failing(error: BaseException) -> Step:
    def table() -> Any:
        raise error

    return replace(source(), make=table)


def test_what_is_missing_is_made_once(warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance) -> None:
    steps = [source(), doubled()]
    record_day(warehouse, partition)
    first, second = (run(steps, partition, warehouse, instance) for _ in range(2))

    assert Report(partition, {"table": "missing", "twice": "missing"}, {}) == first
    assert Report(partition, {}, {}) == second
    assert 1 == instance.get_runs_count()
    assert [2.0, 4.0] == warehouse.lake.open(warehouse.lake.resolve("twice", partition)).collect()["x"].to_list()


def test_only_what_is_pending_is_executed(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance
) -> None:
    record_day(warehouse, partition)
    run([source(), doubled(), beside], partition, warehouse, instance)
    steps = [replace(source([5.0, 6.0]), code_version="2"), doubled(), beside]
    report = run(steps, partition, warehouse, instance)

    assert {"table": "code version 1 is now 2", "twice": "table will be made anew"} == report.reasons
    assert {} == report.errors
    counts = [len(instance.fetch_materializations(dg.AssetKey(name), limit=9).records) for name in ("table", "beside")]
    assert [2, 1] == counts


def test_a_step_that_raises_is_reported_in_one_line_and_its_downstream_as_not_run(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance
) -> None:
    record_day(warehouse, partition)
    steps = [failing(ValueError("no such thing\nand a second line")), doubled(), beside]
    report = run(steps, partition, warehouse, instance)

    assert {"table": "ValueError: no such thing", "twice": "not run: its upstream failed"} == report.errors
    assert {"table": "missing", "twice": "missing", "beside": "missing"} == report.reasons
    assert warehouse.lake.find("beside", partition) is not None


def test_a_refusal_by_the_gate_is_reported_with_its_numbers(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance
) -> None:
    record_day(warehouse, partition)
    report = run([source([float("nan"), 1.0]), doubled()], partition, warehouse, instance)

    assert f"table of {partition} was refused by its gate, nothing was published" in report.errors["table"]
    assert "it_is_not_nan" in report.errors["table"]
    assert 1 == len(report.errors["table"].splitlines())
    assert "not run: its upstream failed" == report.errors["twice"]


def interrupted_by_a_signal() -> Step:
    def table() -> pl.DataFrame:
        signal.raise_signal(signal.SIGINT)
        return pl.DataFrame({"x": [1.0, 2.0]})

    return replace(source(), make=table)


@pytest.mark.parametrize("step", [interrupted_by_a_signal(), failing(KeyboardInterrupt())], ids=["signal", "library"])
def test_an_interruption_stops_the_command_and_not_just_the_step(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance, step: Step
) -> None:
    record_day(warehouse, partition)
    with pytest.raises(KeyboardInterrupt):
        run([beside, step], partition, warehouse, instance)

    assert warehouse.lake.find("beside", partition) is not None
    assert warehouse.lake.find("table", partition) is None


def test_a_day_that_was_never_recorded_starts_no_run(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance
) -> None:
    assert Report(partition, {}, {}) == run([source()], partition, warehouse, instance)
    assert 0 == instance.get_runs_count()
