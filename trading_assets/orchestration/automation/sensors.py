"""Sensors: who asks for runs when no person does. They ship stopped; a person switches them on.

Belongs here: from a decision to Dagster's run requests, and not asking twice.
Does not: the decision (nightly, arrivals, plan).
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from trading_assets.orchestration.assets import REQUESTED_BY
from trading_assets.orchestration.automation.arrivals import waiting
from trading_assets.orchestration.automation.jobs import ARRIVAL, import_recording
from trading_assets.orchestration.automation.nightly import GivenUp, Night, Wanted, night_of, wave
from trading_assets.orchestration.importing import landed_partitions
from trading_assets.orchestration.partitions import INSTRUMENTS
from trading_assets.orchestration.plan import pending
from trading_assets.orchestration.serving_asset import NAME as SERVED_TABLES
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.telemetry.alerts import Kind, raise_alert

STEP: Final = "trading_assets/step"
UNFINISHED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
SERVING: Final = "trading_assets/serving"
"""Tag of a run that loads what consumers query."""
MAX_REQUESTS: Final = 50
"""Run requests of one evaluation; the next one goes on."""


def build_sensors(steps: Sequence[Step]) -> list[dg.SensorDefinition]:
    """Build the sensors over the whole graph."""

    @dg.sensor(name="nightly", asset_selection=dg.AssetSelection.all(), minimum_interval_seconds=60)
    def nightly(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        """Backfill what is missing, failed or stale of the last days, at night, each partition once a night."""
        settings = warehouse.settings.backfill
        began = night_of(datetime.now(UTC), settings)
        if began is None:
            return dg.SkipReason(f"the night begins at {settings.nightly_at} UTC (settings: backfill.nightly_at)")
        return ask_for_night(context.instance, warehouse, steps, began)

    @dg.sensor(name="arrivals", job=import_recording, minimum_interval_seconds=30)
    def arrivals(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        """Import recordings that are put into the folder `backfill.arrivals`."""
        requests = ask_for_imports(context.instance, warehouse, now=datetime.now(UTC))
        return requests or dg.SkipReason("no recording waits in the folder of the setting backfill.arrivals")

    @dg.sensor(name="new_captures", asset_selection=dg.AssetSelection.all(), minimum_interval_seconds=30)
    def new_captures(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        """Turn imported lines into partitions, and run what follows from them."""
        return ask_for_landed(context.instance, warehouse, steps)

    @dg.sensor(name="serving", asset_selection=[SERVED_TABLES], minimum_interval_seconds=30)
    def serving(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.RunRequest | dg.SkipReason:
        """Load what was published into the tables that consumers query."""
        return ask_for_serving(context.instance, warehouse)

    return [arrivals, new_captures, nightly, serving]


def ask_for_night(
    instance: dg.DagsterInstance, warehouse: Warehouse, steps: Sequence[Step], began: datetime
) -> dg.SensorResult | dg.SkipReason:
    """Ask for the next wave of a night."""
    asked = dg.RunsFilter(tags={STEP: [step.name for step in steps]}, statuses=list(UNFINISHED))
    running = frozenset(run.tags[STEP] for run in instance.get_runs(asked))
    night = Night(began, running)
    now = wave(steps, warehouse, night)
    for hopeless in now.given_up:
        _tell(hopeless, warehouse)
    if not now.wanted:
        awaited = f"waiting for {', '.join(sorted(running))}" if running else "everything of the last days is settled"
        return dg.SkipReason(f"{awaited}; {len(now.given_up)} partitions are given up")
    instruments = sorted({str(wanted.first.instrument) for wanted in now.wanted})
    return dg.SensorResult(
        run_requests=[_request(wanted, night) for wanted in now.wanted[:MAX_REQUESTS]],
        dynamic_partitions_requests=[INSTRUMENTS.build_add_request(instruments)],
    )


def _tell(hopeless: GivenUp, warehouse: Warehouse) -> None:
    what = f"{hopeless.step.name} of {hopeless.partition}"
    raise_alert(
        Kind.GIVEN_UP,
        f"{what} {hopeless.circumstances}",
        f"{what} failed on {warehouse.settings.backfill.max_attempts} nights and is left alone until its inputs, code "
        f"or settings change: see `trading-assets status -i {hopeless.partition.instrument}`, or run it by hand",
        engine=warehouse.lake.engine,
        settings=warehouse.settings,
    )


def _request(wanted: Wanted, night: Night) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{night.name} {wanted.step.name} {wanted.first} {wanted.last}",
        asset_selection=[dg.AssetKey(name) for name in wanted.step.outputs],
        tags={
            REQUESTED_BY: night.name,
            STEP: wanted.step.name,
            "dagster/asset_partition_range_start": str(wanted.first),
            "dagster/asset_partition_range_end": str(wanted.last),
        },
    )


def ask_for_imports(instance: dg.DagsterInstance, warehouse: Warehouse, *, now: datetime) -> list[dg.RunRequest]:
    """Ask for the import of files that arrived."""
    requests = []
    for path in waiting(warehouse.settings.path(warehouse.settings.backfill.arrivals), now=now)[:MAX_REQUESTS]:
        tag = {ARRIVAL: _digest(f"{path} {path.stat().st_size} {path.stat().st_ctime_ns}")}
        if _may_ask(instance, tag, warehouse):
            config = {"ops": {"import_file": {"config": {"path": str(path)}}}}
            requests.append(dg.RunRequest(run_config=config, tags={**tag, "trading_assets/file": path.name}))
    return requests


def ask_for_landed(
    instance: dg.DagsterInstance, warehouse: Warehouse, steps: Sequence[Step]
) -> dg.SensorResult | dg.SkipReason:
    """Ask for runs of the partitions that have imported lines, of whatever follows from these."""
    requests = []
    partitions = landed_partitions(warehouse)
    for partition in partitions[:MAX_REQUESTS]:
        lines = " ".join(path.name for path in warehouse.landed(partition))
        tag = {ARRIVAL: _digest(f"{partition} {lines}")}
        chosen = pending(steps, partition, warehouse)
        if _may_ask(instance, tag, warehouse):
            keys = [dg.AssetKey(name) for step in steps if step.name in chosen for name in step.outputs]
            requests.append(dg.RunRequest(partition_key=str(partition), asset_selection=keys, tags=tag))
    if not requests:
        return dg.SkipReason("no imported line waits" if not partitions else "what was imported is being run")
    instruments = sorted({str(partition.instrument) for partition in partitions})
    return dg.SensorResult(
        run_requests=requests, dynamic_partitions_requests=[INSTRUMENTS.build_add_request(instruments)]
    )


def ask_for_serving(instance: dg.DagsterInstance, warehouse: Warehouse) -> dg.RunRequest | dg.SkipReason:
    """Ask for a load of what is published and not served, while none is under way, and not for ever in vain."""
    from trading_assets.serving.due import due  # noqa: PLC0415 - Postgres' types take a tenth of a second

    waiting = due(warehouse.lake.engine)
    if not waiting:
        return dg.SkipReason("everything that is published is served")
    of_any = dg.RunsFilter(tags={SERVING: SERVED_TABLES}, statuses=list(UNFINISHED))
    tag = {ARRIVAL: _digest(" ".join(f"{each.asset} {each.partition} {each.md5}" for each in waiting))}
    if instance.get_runs(of_any, limit=1) or not _may_ask(instance, tag, warehouse):
        return dg.SkipReason(f"{len(waiting)} partitions are being loaded, or failed to be too often")
    return dg.RunRequest(asset_selection=[dg.AssetKey(SERVED_TABLES)], tags={SERVING: SERVED_TABLES, **tag})


def _may_ask(instance: dg.DagsterInstance, tag: dict[str, str], warehouse: Warehouse) -> bool:
    """Ask for the same thing only while no run of it is under way and it was not tried too often."""
    runs = instance.get_runs(dg.RunsFilter(tags=tag), limit=warehouse.settings.backfill.max_attempts)
    is_under_way = any(run.status in UNFINISHED for run in runs)
    return not is_under_way and len(runs) < warehouse.settings.backfill.max_attempts


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
