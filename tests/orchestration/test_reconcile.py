import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import create_engine, text
from toy_steps import doubled, record_day, source

from trading_assets.identifiers import Partition
from trading_assets.models.tracking import prepare_store, tracking_uri
from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.automation.reconcile_sensor import in_words, reconcile_sensor
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.runner import run_partition
from trading_assets.orchestration.upkeep.liveness import Life, hold, life_of, locked_runs, only_one
from trading_assets.orchestration.upkeep.reconcile import GRACE_S, Repairs, reconcile, remedy
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.reported import mark_reported, unreported
from trading_assets.storage.upkeep.acceptance import accept
from trading_assets.storage.upkeep.quarantine import Quarantine
from trading_assets.telemetry.alerts import Kind, alerts

PROJECT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from trading_assets.orchestration.upkeep.liveness import hold
hold(sys.argv[1], Path(sys.argv[2]))
print("held", flush=True)
time.sleep(600)
"""
Status = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def nothing() -> None:
    """No work at all."""


def run_of(instance: dg.DagsterInstance, status: Status, **tags: str) -> str:
    return instance.create_run_for_job(
        nothing, status=status, tags={k.replace("__", "/"): v for k, v in tags.items()}
    ).run_id


def holder(run_id: str, warehouse: Warehouse) -> subprocess.Popen[str]:
    home = warehouse.settings.dagster_home
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, run_id, home], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stdout
    assert "held\n" == process.stdout.readline()
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    assert -signal.SIGKILL == process.wait()


def status_of(instance: dg.DagsterInstance, run_id: str) -> Status:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def materializations(instance: dg.DagsterInstance, asset: str = "table") -> list[dg.AssetMaterialization]:
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    return [record.asset_materialization for record in records if record.asset_materialization]


def test_a_lock_is_held_for_the_life_of_the_process_and_not_longer(warehouse: Warehouse) -> None:
    home = warehouse.settings.dagster_home
    assert Life.UNKNOWN is life_of("r", home, is_one_machine=True)
    process = holder("r", warehouse)

    assert Life.ALIVE is life_of("r", home, is_one_machine=True)
    kill(process)
    assert Life.DEAD is life_of("r", home, is_one_machine=True)
    assert Life.DEAD is life_of("r", home, is_one_machine=False)


def test_the_lock_of_another_machine_says_nothing_where_there_are_several(warehouse: Warehouse) -> None:
    home = warehouse.settings.dagster_home
    (home / "running").mkdir(parents=True)
    (home / "running" / "r.lock").write_text('{"host": "elsewhere", "pid": 1}')

    assert Life.UNKNOWN is life_of("r", home, is_one_machine=False)
    assert Life.DEAD is life_of("r", home, is_one_machine=True)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"host": 3}'])
def test_a_lock_that_was_not_written_whole_is_judged_on_one_machine_only(warehouse: Warehouse, content: str) -> None:
    home = warehouse.settings.dagster_home
    (home / "running").mkdir(parents=True)
    (home / "running" / "r.lock").write_text(content)

    assert Life.UNKNOWN is life_of("r", home, is_one_machine=False)
    assert Life.DEAD is life_of("r", home, is_one_machine=True)


def test_a_thread_holds_the_lock_of_its_newest_run_alone(warehouse: Warehouse) -> None:
    home = warehouse.settings.dagster_home
    for n in range(1100):  # more than files may be open at once
        hold(f"run-{n}", home)
        hold(f"run-{n}", home)

    assert ["run-1099"] == locked_runs(home)
    assert Life.ALIVE is life_of("run-1099", home, is_one_machine=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [(Status.STARTED, Status.FAILURE), (Status.STARTING, Status.FAILURE), (Status.CANCELING, Status.CANCELED)],
)
def test_a_run_whose_process_was_killed_is_ended_at_once(
    instance: dg.DagsterInstance, warehouse: Warehouse, before: Status, after: Status
) -> None:
    run_id = run_of(instance, before, dagster__partition="2024-08-08|SIMBTC.BINANCE")
    kill(holder(run_id, warehouse))

    assert (run_id,) == reconcile(instance, warehouse).dead_runs
    assert after == status_of(instance, run_id)
    assert Repairs() == reconcile(instance, warehouse)
    (alert,) = alerts(warehouse.lake.engine, limit=10)
    assert (Kind.STUCK_RUN, f"run {run_id}") == (alert.kind, alert.subject)
    assert "`trading-assets run -i SIMBTC.BINANCE --start 2024-08-08 --end 2024-08-08`" in alert.message
    assert [] == locked_runs(warehouse.settings.dagster_home)


def test_a_living_run_is_left_alone_however_old(instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
    run_id = run_of(instance, Status.STARTED)
    process = holder(run_id, warehouse)
    try:
        assert Repairs() == reconcile(instance, warehouse, now=later(1e6))
        assert Status.STARTED == status_of(instance, run_id)
    finally:
        kill(process)


@pytest.mark.parametrize("status", [Status.NOT_STARTED, Status.SUCCESS, Status.FAILURE])
def test_runs_that_are_not_under_way_are_left_alone(
    instance: dg.DagsterInstance, warehouse: Warehouse, status: Status
) -> None:
    run_id = run_of(instance, status)

    assert () == reconcile(instance, warehouse, now=later(1e6)).dead_runs
    assert status == status_of(instance, run_id)


def test_a_run_without_a_lock_is_given_time_to_take_it(instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
    run_id = run_of(instance, Status.STARTING)

    assert () == reconcile(instance, warehouse, now=later(GRACE_S - 5)).dead_runs
    assert (run_id,) == reconcile(instance, warehouse, now=later(GRACE_S + 5)).dead_runs


@pytest.mark.parametrize("is_alive", [True, False])
def test_a_run_without_a_lock_is_dead_when_its_process_is(
    instance: dg.DagsterInstance, warehouse: Warehouse, *, is_alive: bool
) -> None:
    from dagster._core.events import EngineEventData  # noqa: PLC0415 - what Dagster's own workers say

    run_id = run_of(instance, Status.STARTED)
    run = instance.get_run_by_id(run_id)
    gone = subprocess.Popen(["true"])
    gone.wait()
    pid = os.getpid() if is_alive else gone.pid
    instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))

    assert (() if is_alive else (run_id,)) == reconcile(instance, warehouse, now=later(GRACE_S + 5)).dead_runs


def test_where_several_machines_may_run_a_run_without_a_lock_is_not_judged(
    instance: dg.DagsterInstance, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.orchestration.upkeep.reconcile._is_one_machine", lambda _: False)
    run_of(instance, Status.STARTED)

    assert () == reconcile(instance, warehouse, now=later(1e6)).dead_runs


def test_locks_of_finished_runs_are_cleared_and_those_of_others_kept(
    instance: dg.DagsterInstance, warehouse: Warehouse
) -> None:
    runs = {status: run_of(instance, status) for status in (Status.SUCCESS, Status.NOT_STARTED)}
    for run_id in runs.values():
        kill(holder(run_id, warehouse))
    reconcile(instance, warehouse)

    assert [runs[Status.NOT_STARTED]] == locked_runs(warehouse.settings.dagster_home)


REMEDIES: list[tuple[dict[str, str], str]] = [
    ({}, "`trading-assets run`"),
    ({"dagster/partition": "2024-08-08|A.B"}, "`trading-assets run -i A.B --start 2024-08-08 --end 2024-08-08`"),
    (
        {
            "dagster/asset_partition_range_start": "2024-08-08|A.B",
            "dagster/asset_partition_range_end": "2024-08-10|A.B",
        },
        "`trading-assets run -i A.B --start 2024-08-08 --end 2024-08-10`",
    ),
    (
        {
            "dagster/asset_partition_range_start": "2024-08-08|A.B",
            "dagster/asset_partition_range_end": "2024-08-10|C.D",
        },
        "`trading-assets run --start 2024-08-08 --end 2024-08-10`",
    ),
    ({"dagster/partition": "daily"}, "`trading-assets run`"),
]


@pytest.mark.parametrize(("tags", "command"), REMEDIES)
def test_a_dead_run_names_the_command_that_does_the_rest(
    instance: dg.DagsterInstance, tags: dict[str, str], command: str
) -> None:
    run = instance.create_run_for_job(nothing, tags=tags)

    assert remedy(run).endswith(f"{command}.")


def test_what_is_published_and_not_recorded_is_recorded_once(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    version = execute(source(), partition, warehouse, run_id="of no run").versions["table"]

    assert (version,) == reconcile(instance, warehouse).reported
    assert () == reconcile(instance, warehouse).reported
    (event,) = materializations(instance)
    assert str(partition) == event.partition
    assert version.md5 == (event.tags or {})["dagster/data_version"]
    assert version.code_version == (event.tags or {})["dagster/code_version"]
    assert event.metadata["reconciled"].value is True
    assert version.md5 == event.metadata["md5"].value
    assert [str(partition.instrument)] == instance.get_dynamic_partitions("instrument")


def test_inputs_are_recorded_as_dagster_would(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    execute(source(), partition, warehouse, run_id="of no run")
    execute(doubled(), partition, warehouse, run_id="of no run")
    reconcile(instance, warehouse)

    (event,) = materializations(instance, "twice")
    assert "dagster/input_data_version/table" in (event.tags or {})


def test_what_dagster_knows_is_only_marked(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    version = execute(source(), partition, warehouse, run_id="of no run").versions["table"]
    instance.report_runless_asset_event(
        dg.AssetMaterialization("table", partition=str(partition), tags={"dagster/data_version": version.md5})
    )

    assert () == reconcile(instance, warehouse).reported
    assert [] == unreported(warehouse.lake.engine)
    assert 1 == len(materializations(instance))


def test_a_version_that_came_back_is_recorded_again(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    for values in ([1.0, 2.0], [3.0, 4.0], [1.0, 2.0]):
        execute(source(values), partition, warehouse, run_id="of no run")
        reconcile(instance, warehouse)

    newest, _, oldest = materializations(instance)
    assert newest.metadata["md5"] == oldest.metadata["md5"]


def test_what_a_run_under_way_published_is_left_to_it(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    run_id = run_of(instance, Status.STARTED)
    execute(source(), partition, warehouse, run_id=run_id)
    process = holder(run_id, warehouse)

    assert () == reconcile(instance, warehouse).reported
    kill(process)
    found = reconcile(instance, warehouse)
    assert (run_id,) == found.dead_runs
    assert 1 == len(found.reported)


def test_a_superseded_version_is_not_recorded(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    execute(source(), partition, warehouse, run_id="one")
    second = execute(source([3.0, 4.0]), partition, warehouse, run_id="two").versions["table"]

    assert (second,) == reconcile(instance, warehouse).reported


def test_a_marked_version_is_not_looked_at(warehouse: Warehouse, partition: Partition) -> None:
    outcome = execute(source(), partition, warehouse, run_id="one")
    mark_reported(warehouse.lake.engine, outcome.versions.values())

    assert [] == unreported(warehouse.lake.engine)


def test_a_version_that_a_person_accepted_says_who_and_why(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    assert execute(source([1.0, float("nan")]), partition, warehouse, run_id="refused").refusal
    refused = Quarantine(warehouse.lake).find(assets=["table"])
    accept(warehouse.lake, refused, actor="anna", reason="known outage")
    reconcile(instance, warehouse)

    (event,) = materializations(instance)
    assert ("anna", "known outage") == (
        event.metadata["accepted_by"].value,
        event.metadata["accepted_because"].value,
    )


def test_one_process_reconciles_at_a_time(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    execute(source(), partition, warehouse, run_id="of no run")
    with only_one(warehouse.settings.dagster_home, "reconcile") as is_ours:
        assert is_ours
        assert Repairs() == reconcile(instance, warehouse)

    assert 1 == len(reconcile(instance, warehouse).reported)


def mlflow_run(warehouse: Warehouse, key: str, run_id: str, name: str) -> None:
    """Leave a run open in MLflow's store, as a killed process does."""
    engine = create_engine(tracking_uri(warehouse.settings))
    values = {"name": name, "key": key, "run_id": run_id}
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO runs (run_uuid, name, status, lifecycle_stage, experiment_id, start_time, user_id, "
                "source_type, source_name, entry_point_name, source_version, artifact_uri) VALUES "
                "(:name, :name, 'RUNNING', 'active', 1, 1, 'u', 'LOCAL', '', '', '', '')"
            ),
            values,
        )
        connection.execute(text("INSERT INTO tags (key, value, run_uuid) VALUES (:key, :run_id, :name)"), values)
    engine.dispose()


def mlflow_statuses(warehouse: Warehouse) -> dict[str, Any]:
    engine = create_engine(tracking_uri(warehouse.settings))
    with engine.connect() as connection:
        found = {row[0]: row[1] for row in connection.execute(text("SELECT run_uuid, status FROM runs"))}
    engine.dispose()
    return found


def test_open_mlflow_runs_of_finished_runs_are_ended(instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
    prepare_store(warehouse.settings)
    failed, started = run_of(instance, Status.FAILURE), run_of(instance, Status.STARTED)
    mlflow_run(warehouse, "dagster.run_id", failed, "step")
    mlflow_run(warehouse, "dagster_run_id", failed, "parent")
    mlflow_run(warehouse, "dagster_run_id", started, "living")

    assert ("parent", "step") == tuple(sorted(reconcile(instance, warehouse).ended_in_mlflow))
    assert {"step": "KILLED", "parent": "KILLED", "living": "RUNNING"} == mlflow_statuses(warehouse)


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 100])
def test_without_a_readable_mlflow_store_the_rest_is_reconciled(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition, content: bytes | None
) -> None:
    path = warehouse.settings.root / "var" / "mlflow" / "mlflow.sqlite"
    if content is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    execute(source(), partition, warehouse, run_id="of no run")

    assert 1 == len(reconcile(instance, warehouse).reported)
    assert path.exists() == (content is not None)


def test_the_sensor_says_what_it_did(instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition) -> None:
    execute(source(), partition, warehouse, run_id="of no run")
    sensor = reconcile_sensor()

    def said() -> str | None:
        context = dg.build_sensor_context(instance=instance, resources={"warehouse": warehouse})
        return sensor.evaluate_tick(context).skip_message

    assert "1 published versions recorded" == said()
    assert "nothing had to be put right" == said()
    assert dg.DefaultSensorStatus.RUNNING is sensor.default_status


def test_repairs_are_told_in_words() -> None:
    assert "2 runs without a process failed, 1 undelivered alerts sent again" == in_words(
        Repairs(dead_runs=("a", "b"), alerts_resent=True)
    )


def test_what_a_run_published_it_recorded_and_its_lock_is_held_until_the_process_ends(
    instance: dg.DagsterInstance, warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    reconcile(instance, warehouse)
    report = run_partition(
        partition,
        steps=[source(), doubled()],
        assets=[as_dagster_asset(step, group="toys", settings=warehouse.settings) for step in (source(), doubled())],
        warehouse=warehouse,
        resources={**resources(warehouse.settings), "warehouse": warehouse},
        instance=instance,
    )

    assert {} == report.errors
    assert [] == unreported(warehouse.lake.engine)
    assert 1 == len(materializations(instance))
    assert [run.run_id for run in instance.get_runs()] == locked_runs(warehouse.settings.dagster_home)
    assert Repairs() == reconcile(instance, warehouse)


def test_a_refusal_is_told_once_for_the_same_inputs_and_again_for_others(
    warehouse: Warehouse, partition: Partition
) -> None:
    for run_id in ("one", "two"):
        execute(source([1.0, float("nan")]), partition, warehouse, run_id=run_id)
    execute(replace(source([float("nan")] * 2), code_version="2"), partition, warehouse, run_id="three")

    told = alerts(warehouse.lake.engine, limit=10)
    assert {1, 2} == {alert.n_times for alert in told}
    assert all(alert.kind == Kind.GATE_FAILURE for alert in told)
    assert all(alert.subject.startswith(f"table of {partition}, made of ") for alert in told)
    assert all("n_nan is" in alert.message for alert in told)
