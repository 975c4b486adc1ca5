"""Put right what a crash left: at start-up, and now and then while the daemon runs.

- A run that Dagster believes to be under way, and that no process works on, is reported as failed.
- A version that is published, and that Dagster does not know, is reported to it.
- MLflow's runs of finished Dagster runs are ended.
- Alerts that nobody took are sent again.

All of it is idempotent, and costs a query each where there is nothing to do. One process reconciles at a time.

Belongs here: comparing and repairing. Does not: watching for what is late or slow (watch).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import dagster as dg
from loguru import logger
from sqlalchemy.exc import SQLAlchemyError

from trading_assets.models.left_open import end_runs, open_runs
from trading_assets.orchestration.events import version_tags
from trading_assets.orchestration.partitions import INSTRUMENTS
from trading_assets.orchestration.upkeep.liveness import Life, clear, is_process, life_of, locked_runs, only_one
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.records import Version
from trading_assets.storage.reported import mark_reported, unreported
from trading_assets.storage.upkeep.acts import acceptances
from trading_assets.storage.upkeep.audit import Act
from trading_assets.telemetry.alerts import Kind, raise_alert
from trading_assets.telemetry.outbox import resend

GRACE_S: Final = 60.0
"""A run without a lock is judged when it has said nothing for so long: its process may be about to take it."""
UNDER_WAY: Final = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
DATA_VERSION: Final = "dagster/data_version"


@dataclass(frozen=True, slots=True)
class Repairs:
    """What was put right."""

    dead_runs: tuple[str, ...] = ()
    reported: tuple[Version, ...] = ()
    ended_in_mlflow: tuple[str, ...] = ()
    alerts_resent: bool = False

    def __bool__(self) -> bool:
        return bool(self.dead_runs or self.reported or self.ended_in_mlflow or self.alerts_resent)


def reconcile(instance: dg.DagsterInstance, warehouse: Warehouse, *, now: datetime | None = None) -> Repairs:
    """Put right what crashes left; where another process is at it, leave it to that one."""
    moment = now or datetime.now(UTC)
    with only_one(warehouse.settings.dagster_home, "reconcile") as is_ours:
        if not is_ours:
            return Repairs()
        dead = fail_dead_runs(instance, warehouse, moment)
        _clear_locks(instance, warehouse)
        return Repairs(
            dead_runs=tuple(dead),
            reported=tuple(report_published(instance, warehouse)),
            ended_in_mlflow=tuple(end_left_open(instance, warehouse)),
            alerts_resent=resend(warehouse.lake.engine, warehouse.settings),
        )


def fail_dead_runs(instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime) -> list[str]:
    """Report runs as failed (or cancelled, where that was asked for) that no process works on; return their ids."""
    dead = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(UNDER_WAY))):
        run = record.dagster_run
        if not _is_dead(record, instance, warehouse, now) or not _is_under_way(instance, run.run_id):
            continue
        told = f"The process of this run is gone, killed or lost with its machine. {remedy(run)}"
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, told)
        else:
            instance.report_run_failed(run, told)
        clear(run.run_id, warehouse.settings.dagster_home)
        engine, settings = warehouse.lake.engine, warehouse.settings
        raise_alert(Kind.STUCK_RUN, f"run {run.run_id}", told, engine=engine, settings=settings)
        dead.append(run.run_id)
    return dead


def remedy(run: dg.DagsterRun) -> str:
    """Say how what a run left undone is done."""
    tags = run.tags
    first = tags.get("dagster/asset_partition_range_start", tags.get("dagster/partition"))
    last = tags.get("dagster/asset_partition_range_end", first)
    kept = "What it published stands; do the rest with"
    if first is None or last is None or "|" not in first:
        return f"{kept} `trading-assets run`."
    (start, instrument), (end, other) = first.split("|", 1), last.split("|", 1)
    of = f" -i {instrument}" if instrument == other else ""
    return f"{kept} `trading-assets run{of} --start {start} --end {end}`."


def report_published(instance: dg.DagsterInstance, warehouse: Warehouse) -> list[Version]:
    """Report standing versions that Dagster does not have; those of a run under way are left to it."""
    engine = warehouse.lake.engine
    waiting = unreported(engine)
    if not waiting:
        return []
    busy = _unfinished(instance, {version.run_id for version in waiting})
    settled = [version for version in waiting if version.run_id not in busy]
    reported = []
    for asset, group in groupby(sorted(settled, key=lambda v: (v.asset, v.partition)), key=lambda v: v.asset):
        versions = list(group)
        known = _recorded(instance, asset, versions)
        absent = [version for version in versions if known.get(str(version.partition)) != version.md5]
        accepted = _acceptances(warehouse, asset, absent)
        for version in absent:
            _report(instance, version, accepted.get((asset, version.partition.day, version.partition.instrument)))
        mark_reported(engine, versions)
        reported += absent
    return reported


def end_left_open(instance: dg.DagsterInstance, warehouse: Warehouse) -> list[str]:
    """End MLflow's runs whose Dagster run is over; MLflow holds copies, so trouble with it is only a warning."""
    try:
        found = open_runs(warehouse.settings)
        unfinished = _unfinished(instance, set(found.values()))
        over = [mlflow_run for mlflow_run, run in found.items() if run not in unfinished]
        if over:
            end_runs(warehouse.settings, over)
    except (OSError, SQLAlchemyError) as error:
        logger.warning("MLflow's store was not reconciled: {}", type(error).__name__)
        return []
    return over


def _is_dead(record: dg.RunRecord, instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime) -> bool:
    """Judge a run by its lock; without one by its process, where all runs are surely of this machine."""
    run_id = record.dagster_run.run_id
    is_one_machine = _is_one_machine(instance)
    life = life_of(run_id, warehouse.settings.dagster_home, is_one_machine=is_one_machine)
    if life is not Life.UNKNOWN or not is_one_machine:
        return life is Life.DEAD
    entries = instance.all_logs(run_id)
    last = max((entry.timestamp for entry in entries), default=record.create_timestamp.timestamp())
    if now.timestamp() - last < GRACE_S:
        return False
    return not any(is_process(pid) for pid in _pids(entries))


def _pids(entries: Sequence[dg.EventLogEntry]) -> set[int]:
    """Return the numbers of the processes that said they work on a run."""
    data: list[Any] = [entry.dagster_event.event_specific_data for entry in entries if entry.dagster_event is not None]
    told = (getattr(each, "metadata", {}).get("pid") for each in data)
    return {int(str(pid.value)) for pid in told if pid is not None}


def _is_one_machine(instance: dg.DagsterInstance) -> bool:
    """Tell whether runs are kept where no other machine can be: whatever is there is then of this one."""
    return type(instance.run_storage).__name__ in {"SqliteRunStorage", "InMemoryRunStorage"}


def _is_under_way(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in UNDER_WAY


def _clear_locks(instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
    """Remove the locks that ended processes left of finished runs."""
    home = warehouse.settings.dagster_home
    left = [run for run in locked_runs(home) if life_of(run, home, is_one_machine=False) is Life.DEAD]
    unfinished = _unfinished(instance, set(left))
    for run in left:
        if run not in unfinished:
            clear(run, home)


def _unfinished(instance: dg.DagsterInstance, run_ids: set[str]) -> set[str]:
    if not run_ids:
        return set()
    return {run.run_id for run in instance.get_runs(dg.RunsFilter(run_ids=sorted(run_ids))) if not run.is_finished}


def _recorded(instance: dg.DagsterInstance, asset: str, versions: Sequence[Version]) -> dict[str, str]:
    """Return the data version of Dagster's newest materialization of each partition."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        dg.AssetKey(asset),
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        [DATA_VERSION],
        asset_partitions=[str(version.partition) for version in versions],
    )
    return {partition: found[DATA_VERSION] for partition, found in tags.items() if DATA_VERSION in found}


def _acceptances(warehouse: Warehouse, asset: str, versions: Sequence[Version]) -> dict[tuple[str, Any, Any], Act]:
    return {
        (asset, day, instrument): act
        for instrument in {version.partition.instrument for version in versions}
        for (_, day), act in acceptances(warehouse.lake.engine, [asset], instrument).items()
    }


def _report(instance: dg.DagsterInstance, version: Version, accepted: Act | None) -> None:
    by_whom = {"accepted_by": accepted.actor, "accepted_because": accepted.reason} if accepted else {}
    instance.add_dynamic_partitions(INSTRUMENTS.name or "", [str(version.partition.instrument)])
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key=version.asset,
            partition=str(version.partition),
            description="Published without being recorded; found when the stores were compared.",
            metadata={
                "dagster/row_count": version.n_rows,
                "n_bytes": version.n_bytes,
                "md5": version.md5,
                "settings_digest": version.settings_digest,
                "inputs": dg.MetadataValue.json([[asset, str(day), md5] for asset, day, md5 in version.inputs]),
                "run_id": version.run_id,
                "reconciled": True,
                **by_whom,
            },
            tags=version_tags(version),
        )
    )
