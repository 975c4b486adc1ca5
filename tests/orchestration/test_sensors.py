from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sim_days import SECOND, open_house, recordings, small_settings
from test_nightly import MARKET, NIGHT, TODAY, doubled, recorded, table

from trading_assets.definitions import STEPS
from trading_assets.errors import NotACapture
from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.automation.arrivals import take, waiting
from trading_assets.orchestration.automation.sensors import ask_for_imports, ask_for_landed, ask_for_night
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.telemetry.alerts import Kind, alerts

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(request: dg.RunRequest, steps: Sequence[Step], house: Warehouse, instance: dg.DagsterInstance) -> bool:
    """Carry out a run request as the daemon does: its assets, its range, its tags."""
    assets = [as_dagster_asset(step, group="raw", settings=house.settings, position=n) for n, step in enumerate(steps)]
    keys = {key.to_user_string() for key in request.asset_selection or []}
    return dg.materialize(
        [asset for asset in assets if keys & {key.to_user_string() for key in asset.keys}],
        instance=instance,
        resources={**resources(house.settings), "warehouse": house},
        tags=request.tags,
        run_config=QUIET,
        raise_on_error=False,
    ).success


def nights(
    n: int, steps: Sequence[Step], house: Warehouse, instance: dg.DagsterInstance
) -> list[list[tuple[str, bool]]]:
    """Let `n` nights ask until they ask for nothing, and say which steps they asked for and whether those succeeded."""
    told = []
    for number in range(n):
        asked: list[tuple[str, bool]] = []
        while isinstance(
            wave := ask_for_night(instance, house, steps, NIGHT + timedelta(days=number)), dg.SensorResult
        ):
            asked += [
                (request.tags["trading_assets/step"], run(request, steps, house, instance))
                for request in wave.run_requests or []
            ]
        told.append(asked)
    return told


def test_a_partition_that_always_fails_is_asked_for_on_three_nights_and_then_left_alone(warehouse: Warehouse) -> None:
    recorded(warehouse, 1, 2, 3)
    bad = TODAY - timedelta(days=2)
    steps = [table(bad=[bad]), doubled()]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("instrument", [str(MARKET)])
        told = nights(5, steps, warehouse, instance)

    # The first night makes all three days; later ones only try the bad day again. What reads it is never asked for.
    assert [("table", False), ("twice", True), ("twice", True)] == told[0]
    assert [[("table", False)], [("table", False)], [], []] == told[1:]
    (alert,) = [one for one in alerts(warehouse.lake.engine, limit=10) if one.kind == Kind.GIVEN_UP]
    assert f"table of {bad}|{MARKET}" in alert.message


def test_a_night_asks_for_nothing_that_is_already_queued(warehouse: Warehouse) -> None:
    recorded(warehouse, 1)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("instrument", [str(MARKET)])
        wave = ask_for_night(instance, warehouse, [table()], NIGHT)
        assert isinstance(wave, dg.SensorResult)
        (request,) = wave.run_requests or []
        instance.add_run(dg.DagsterRun("job", status=dg.DagsterRunStatus.NOT_STARTED, tags=dict(request.tags)))
        again = ask_for_night(instance, warehouse, [table()], NIGHT)

    assert isinstance(again, dg.SkipReason)
    assert "waiting for table" in (again.skip_message or "")


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return open_house(small_settings(tmp_path))


def arrivals_of(house: Warehouse) -> Path:
    folder = house.settings.path(house.settings.backfill.arrivals)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


LATER = timedelta(minutes=1)


def test_a_file_that_arrived_is_imported_once_it_is_settled_and_moved_out_of_the_way(house: Warehouse) -> None:
    folder = arrivals_of(house)
    first, second = recordings()
    (folder / "box-7").mkdir()
    arrived = folder / "box-7" / "capture.jsonl.gz"
    arrived.write_bytes(second.read_bytes())
    (folder / ".half.part").write_bytes(first.read_bytes())

    assert [] == waiting(folder, now=datetime.now(UTC))
    assert [arrived] == waiting(folder, now=datetime.now(UTC) + LATER)
    assert (SECOND,) == take(arrived, house).partitions
    assert [] == waiting(folder, now=datetime.now(UTC) + LATER)
    assert second.read_bytes() == (folder / "imported" / "box-7" / "capture.jsonl.gz").read_bytes()
    assert 1 == len(house.landed(SECOND))


def test_a_refused_file_is_kept_with_the_reason_beside_it_and_not_tried_again(house: Warehouse) -> None:
    folder = arrivals_of(house)
    for _ in range(2):  # a namesake does not overwrite it
        (folder / "notes.txt").write_text("not a capture\n")
        with pytest.raises(NotACapture):
            take(folder / "notes.txt", house)

    assert [] == waiting(folder, now=datetime.now(UTC) + LATER)
    assert {"notes.txt", "notes.txt.reason.txt", "notes.txt.1", "notes.txt.1.reason.txt"} == {
        path.name for path in (folder / "refused").iterdir()
    }


def test_a_file_is_asked_for_once_while_its_run_is_under_way_and_not_for_ever(house: Warehouse) -> None:
    arrived = arrivals_of(house) / "capture.jsonl.gz"
    arrived.write_bytes(recordings()[0].read_bytes())
    soon = datetime.now(UTC) + LATER
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = ask_for_imports(instance, house, now=soon)
        assert {"ops": {"import_file": {"config": {"path": str(arrived)}}}} == request.run_config
        running = instance.add_run(dg.DagsterRun("j", status=dg.DagsterRunStatus.STARTED, tags=dict(request.tags)))
        assert [] == ask_for_imports(instance, house, now=soon)
        instance.report_run_failed(running)
        for _ in range(house.settings.backfill.max_attempts - 1):
            (request,) = ask_for_imports(instance, house, now=soon)
            instance.add_run(dg.DagsterRun("j", status=dg.DagsterRunStatus.FAILURE, tags=dict(request.tags)))

        assert [] == ask_for_imports(instance, house, now=soon)


def test_imported_lines_become_a_partition_and_a_run_of_what_follows(house: Warehouse) -> None:
    arrived = arrivals_of(house) / "capture.jsonl.gz"
    arrived.write_bytes(recordings()[0].read_bytes())
    (partition,) = take(arrived, house).partitions
    with dg.DagsterInstance.ephemeral() as instance:
        found = ask_for_landed(instance, house, STEPS)
        assert isinstance(found, dg.SensorResult)
        (request,) = found.run_requests or []
        (added,) = found.dynamic_partitions_requests or []
        instance.add_run(dg.DagsterRun("j", status=dg.DagsterRunStatus.NOT_STARTED, tags=dict(request.tags)))
        again = ask_for_landed(instance, house, STEPS)

    assert str(partition) == request.partition_key
    assert [str(partition.instrument)] == list(added.partition_keys)
    assert {"captures", "raw_l2_snapshots", "book_features", "labels"} <= {
        key.to_user_string() for key in request.asset_selection or []
    }
    assert isinstance(again, dg.SkipReason)
