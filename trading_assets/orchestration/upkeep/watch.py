"""What a person should be told of although nothing failed: a recording that did not come, a run that does not end.

Belongs here: finding them, and raising their alerts. Does not: sending (telemetry), repairing (reconcile).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import dagster as dg

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.plan import recorded_days
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.telemetry.alerts import Kind, raise_alert

LOOK_BACK_DAYS: Final = 3
"""Ended days that are looked at, so that a weekend without a daemon hides no gap."""
LOOK_BACK_RUNS: Final = timedelta(hours=1)
MAX_RUNTIME: Final = ("dagster/max_runtime", "dagster/max_runtime_seconds")


def watch(instance: dg.DagsterInstance, warehouse: Warehouse, *, now: datetime | None = None) -> None:
    """Raise an alert for every late partition and every run over its time."""
    moment = now or datetime.now(UTC)
    engine, settings = warehouse.lake.engine, warehouse.settings
    for partition in late_partitions(warehouse, moment):
        told = (
            f"nothing was recorded of {partition.instrument} on {partition.day}, but on the day before: "
            "import it, or see why the recorder stopped"
        )
        raise_alert(Kind.LATE_PARTITION, str(partition), told, engine=engine, settings=settings)
    for run_id, runtime_s, limit_s in overlong_runs(instance, moment, settings.backfill.max_runtime_s):
        told = f"it took {runtime_s:.0f} s, and {limit_s:.0f} s are its limit; look at its log, and run the rest again"
        raise_alert(Kind.STUCK_RUN, f"run {run_id}", told, engine=engine, settings=settings)


def late_partitions(warehouse: Warehouse, now: datetime) -> list[Partition]:
    """Return the partitions of the last days that should have been recorded by now."""
    markets = warehouse.registry.instruments()
    after_h = warehouse.settings.alerts.late_after_h
    return [p for market in markets for p in late(market, recorded_days(market, warehouse), now, after_h=after_h)]


def late(instrument: Instrument, recorded: Sequence[date], now: datetime, *, after_h: float) -> list[Partition]:
    """Return the last days that ended `after_h` hours ago, have no capture, and follow a day that has one.

    Only the first day of a gap is late: a market that is recorded no more is told of once.
    """
    newest = (now.astimezone(UTC) - timedelta(hours=after_h)).date() - timedelta(days=1)
    days = [newest - timedelta(days=n) for n in range(LOOK_BACK_DAYS)]
    known = set(recorded)
    return [Partition(day, instrument) for day in days if day not in known and day - timedelta(days=1) in known]


def overlong_runs(instance: dg.DagsterInstance, now: datetime, limit_s: float) -> Iterator[tuple[str, float, float]]:
    """Yield runs that last, or lasted until a moment ago, longer than their limit: id, run time and limit in seconds.

    Dagster's monitoring ends them where a daemon runs; one that was ended so is told of too.
    """
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    ended = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED], updated_after=now - LOOK_BACK_RUNS
    )
    for record in (*instance.get_run_records(started), *instance.get_run_records(ended)):
        if record.start_time is None:
            continue
        runtime_s = (record.end_time or now.timestamp()) - record.start_time
        limit = _limit_s(record.dagster_run.tags, limit_s)
        if runtime_s > limit:
            yield record.dagster_run.run_id, runtime_s, limit


def _limit_s(tags: Mapping[str, str], default_s: float) -> float:
    """Return the limit that a run's tag sets, as Dagster reads it: what is no number sets none."""
    told = next((tags[tag] for tag in MAX_RUNTIME if tag in tags), None)
    try:
        return float(told) if told is not None else default_s
    except ValueError:
        return default_s
