from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from sim_days import open_house, small_settings, step_of
from toy_steps import COLUMNS, doubled, record_day, source, toy_gate

from trading_assets.definitions import STEPS
from trading_assets.errors import NotExpected, NotPublished
from trading_assets.export import write_partition
from trading_assets.identifiers import Partition
from trading_assets.lacking import standing
from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.days import Days
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Gate, Rule
from trading_assets.orchestration.importing import land
from trading_assets.orchestration.market_plan import State
from trading_assets.orchestration.plan import pending, standings
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.runner import Report, run_partition
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.reading import read_table
from trading_assets.storage.registry import TickRules

WHY = "nothing in the table"
NEEDS = {"table": WHY}


@published(Output(toy_gate()), windows=lambda _: {"twice": Days(-2, -1)}, needs=NEEDS)
def of_earlier_days(twice: Mapping[date, pl.LazyFrame]) -> pl.LazyFrame:
    """What was made of the two days before, if recorded."""
    return pl.concat(twice.values())


def bare() -> Step:
    """Return a step whose table has no row, and may have none."""
    gate = Gate(lambda _: {"n": 0}, lambda _: (Rule("it_may_be_empty", "n", minimum=0),), columns=lambda _: COLUMNS)
    return source(pl.DataFrame(schema=COLUMNS), gate=gate)


def graph(first: Step) -> list[Step]:
    return [first, replace(doubled(), needs=NEEDS), of_earlier_days]


def later(partition: Partition, days: int) -> Partition:
    return partition.on(partition.day + timedelta(days=days))


def made(partition: Partition, warehouse: Warehouse, first: Step) -> None:
    record_day(warehouse, partition)
    for step in graph(first)[:2]:
        execute(step, partition, warehouse, run_id="run")


def bare_day(partition: Partition, warehouse: Warehouse) -> None:
    record_day(warehouse, partition)
    execute(bare(), partition, warehouse, run_id="run")


def states(partition: Partition, warehouse: Warehouse, first: Step) -> dict[str, tuple[State, str]]:
    found = standings(graph(first), partition.instrument, [partition.day], warehouse)
    return {s.asset: (s.state, s.why) for s in found}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def assets(steps: list[Step], warehouse: Warehouse) -> list[dg.AssetsDefinition]:
    return [as_dagster_asset(step, group="toys", settings=warehouse.settings) for step in steps]


def handed(warehouse: Warehouse) -> dict[str, Any]:
    return {**resources(warehouse.settings), "warehouse": warehouse}


def test_what_nothing_can_be_made_of_is_not_expected_and_not_pending(
    warehouse: Warehouse, partition: Partition
) -> None:
    bare_day(partition, warehouse)

    found = states(partition, warehouse, bare())
    assert (State.PUBLISHED, "") == found["table"]
    assert (State.NOT_EXPECTED, WHY) == found["twice"] == found["of_earlier_days"]
    assert {} == pending(graph(bare()), partition, warehouse)


def test_it_is_refused_before_anything_is_tried(warehouse: Warehouse, partition: Partition) -> None:
    bare_day(partition, warehouse)

    with pytest.raises(NotExpected, match=WHY):
        execute(graph(bare())[1], partition, warehouse, run_id="run")
    assert [] == list((warehouse.lake.store.root / "quarantine").glob("*"))


def test_a_table_about_to_be_made_anew_may_have_rows(warehouse: Warehouse, partition: Partition) -> None:
    bare_day(partition, warehouse)
    steps = graph(replace(source(), code_version="2"))

    expected = {"table": "code version 1 is now 2", "twice": "table will be made anew"}
    assert expected == pending(steps, partition, warehouse)  # and nothing of the days before it: there is none


def test_a_day_without_rows_is_no_day_of_a_window(warehouse: Warehouse, partition: Partition) -> None:
    made(partition, warehouse, source())
    bare_day(later(partition, 1), warehouse)
    third = later(partition, 2)
    made(third, warehouse, source())

    assert {"of_earlier_days": "missing"} == pending(graph(source()), third, warehouse)
    outcome = execute(of_earlier_days, third, warehouse, run_id="run")
    assert [partition.day] == [day for _, day, _ in outcome.versions["of_earlier_days"].inputs]
    assert {} == pending(graph(source()), third, warehouse)


def test_a_run_that_finds_nothing_to_make_has_not_failed(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance
) -> None:
    record_day(warehouse, partition)
    steps = graph(bare())[:2]
    report = run_partition(
        partition,
        steps=steps,
        assets=assets(steps, warehouse),
        warehouse=warehouse,
        resources=handed(warehouse),
        instance=instance,
    )

    missing = {"table": "missing", "twice": "missing"}
    assert Report(partition, missing, {}, {"twice": WHY}) == report
    assert [dg.DagsterRunStatus.SUCCESS] == [run.status for run in instance.get_runs()]
    assert instance.get_latest_materialization_event(dg.AssetKey("twice")) is None


def test_a_run_of_many_days_passes_over_those_without_rows(
    warehouse: Warehouse, partition: Partition, instance: dg.DagsterInstance
) -> None:
    bare_day(partition, warehouse)
    second = later(partition, 1)
    record_day(warehouse, second)
    execute(source(), second, warehouse, run_id="run")
    instance.add_dynamic_partitions("instrument", [str(partition.instrument)])
    steps = graph(bare())[1:2]

    for last, expected in ((partition, None), (second, second)):
        result = dg.materialize(
            assets(steps, warehouse),
            instance=instance,
            resources=handed(warehouse),
            tags={
                "dagster/asset_partition_range_start": str(partition),
                "dagster/asset_partition_range_end": str(last),
            },
            raise_on_error=False,
        )
        event = instance.get_latest_materialization_event(dg.AssetKey("twice"))
        found = event.asset_materialization if event else None
        assert result.success
        assert (None if expected is None else str(expected)) == (found and found.partition)


def test_trades_alone_give_raw_tables_and_nothing_more_is_expected(tmp_path: Path) -> None:
    house = open_house(small_settings(tmp_path))
    file = tmp_path / "trades.csv"
    file.write_text(
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        "bitmex,XBTUSD,1723118400000000,1723118400100000,7,sell,8531.5,2\n"
    )
    (partition,) = land(file, house, instrument=None, rules=TickRules()).partitions
    for step in (step_of("captures"), step_of("raw_trades")):
        assert execute(step, partition, house, run_id="run").refusal is None

    assert {} == pending(STEPS, partition, house)
    found = {s.asset: s.why for s in standings(STEPS, partition.instrument, None, house) if s.version is None}
    assert dict.fromkeys(("book_features", "labels", "model", "forecasts"), "no book in the recording") == found
    for read in (
        lambda: write_partition(house, "book_features", partition, tmp_path / "f.csv"),
        lambda: read_table("book_features", str(partition.instrument), partition.day, partition.day, warehouse=house),
    ):
        with pytest.raises(NotExpected, match="no book in the recording"):
            read()
    assert 1 == write_partition(house, "raw_trades", partition, tmp_path / "trades.csv")


def test_a_day_that_was_never_recorded_is_told_to_be_imported_and_not_to_be_run(
    warehouse: Warehouse, partition: Partition
) -> None:
    with pytest.raises(NotPublished, match=r"nothing of BTCUSDT.BINANCE was recorded on 2024-08-08: .*import FILE"):
        standing("raw_trades", partition, warehouse)

    record_day(warehouse, partition)
    with pytest.raises(NotPublished, match="make it with `trading-assets run"):
        standing("raw_trades", partition, warehouse)
