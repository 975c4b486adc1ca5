from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from toy_steps import record_day

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.upkeep.watch import late, overlong_runs, watch
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.sections import BackfillSettings
from trading_assets.storage.registry import TickRules
from trading_assets.telemetry.alerts import alerts

BTC = Instrument("BTCUSDT", "BINANCE")
SUNDAY = date(2024, 8, 11)
NOON = datetime(2024, 8, 12, 12, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[2]


@dg.job
def nothing() -> None:
    """No work at all."""


CASES = {
    "recorded every day": ([9, 10, 11], []),
    "yesterday is missing": ([9, 10], [11]),
    "nothing for two days: told of the first": ([8, 9], [10]),
    "a gap in the middle": ([8, 10, 11], [9]),
    "two gaps": ([8, 10], [9, 11]),
    "recorded long ago": ([1, 2], []),
    "never recorded": ([], []),
    "only yesterday": ([11], []),
}


@pytest.mark.parametrize(("recorded", "expected"), CASES.values(), ids=CASES)
def test_the_first_day_without_a_capture_after_one_with_is_late(recorded: list[int], expected: list[int]) -> None:
    found = late(BTC, [SUNDAY.replace(day=day) for day in recorded], NOON, after_h=6)

    assert expected == sorted(partition.day.day for partition in found)


@pytest.mark.parametrize(("hour", "is_late"), [(0, False), (5, False), (6, True), (23, True)])
def test_a_day_is_late_some_hours_after_its_end(hour: int, *, is_late: bool) -> None:
    found = late(BTC, [SUNDAY - timedelta(days=1)], NOON.replace(hour=hour), after_h=6)

    assert is_late == (Partition(SUNDAY, BTC) in found)


def test_a_late_partition_is_told_of_once(warehouse: Warehouse) -> None:
    warehouse.registry.register(BTC, TickRules())
    record_day(warehouse, Partition(SUNDAY - timedelta(days=1), BTC))
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(3):
            watch(instance, warehouse, now=NOON)

    (alert,) = alerts(warehouse.lake.engine, limit=10)
    assert ("late partition", f"{SUNDAY}|BTCUSDT.BINANCE", 1) == (alert.kind, alert.subject, alert.n_times)


def started(instance: dg.DagsterInstance, **tags: str) -> str:
    run = instance.create_run_for_job(nothing, tags={f"dagster/{key}": value for key, value in tags.items()})
    instance.handle_new_event(_event(run, dg.DagsterEventType.PIPELINE_START))
    return run.run_id


def _event(run: dg.DagsterRun, kind: dg.DagsterEventType) -> dg.EventLogEntry:
    now = datetime.now(UTC).timestamp()
    return dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=run.run_id,
        timestamp=now,
        dagster_event=dg.DagsterEvent(kind.value, run.job_name),
    )


@pytest.mark.parametrize(
    ("tags", "age_s", "is_told"),
    [
        ({}, 90, False),
        ({}, 110, True),
        ({"max_runtime": "10"}, 20, True),
        ({"max_runtime_seconds": "10"}, 20, True),
        ({"max_runtime": "1000"}, 110, False),
        ({"max_runtime": "soon"}, 110, True),
    ],
)
def test_a_run_over_its_limit_is_found(tags: dict[str, str], age_s: float, *, is_told: bool) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = started(instance, **tags)
        now = datetime.now(UTC) + timedelta(seconds=age_s)
        found = [found for found, _, _ in overlong_runs(instance, now, 100)]

    assert ([run_id] if is_told else []) == found


def test_a_run_that_dagster_ended_for_its_length_is_found_and_one_that_failed_early_is_not() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        short, long = started(instance), started(instance, max_runtime="-1")
        for run_id in (short, long):
            instance.report_run_failed(instance.get_run_by_id(run_id))
        found = [found for found, _, _ in overlong_runs(instance, datetime.now(UTC), 100)]

    assert [long] == found


def test_dagster_ends_runs_after_the_time_that_the_settings_allow() -> None:
    import yaml  # noqa: PLC0415 - only this test reads it

    monitoring = yaml.safe_load((PROJECT / "dagster.yaml").read_text())["run_monitoring"]

    assert monitoring["enabled"]
    assert BackfillSettings().max_runtime_s == monitoring["max_runtime_seconds"]
