"""What a night should make anew: what is missing, failed or stale of the last days, each partition once a night.

A night asks in waves: a step is asked for when nothing it reads is about to change. A partition that failed tonight
waits for the next night, and one that nights have tried `backfill.max_attempts` times in vain in equal circumstances
(inputs, code, settings) is left alone until one of them changes.

Belongs here: the decision, from the catalogue alone. Does not: asking Dagster for runs (sensors).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from typing import Final

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.circumstances import circumstances, origin_of
from trading_assets.orchestration.execute import resolve_inputs
from trading_assets.orchestration.market_plan import MarketPlan
from trading_assets.orchestration.plan import plan_of
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.sections import BackfillSettings
from trading_assets.storage.attempts import failures

NIGHTLY: Final = "nightly"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Consecutive days of one instrument that one run should make."""

    step: Step
    first: Partition
    last: Partition


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A partition that is left alone until its circumstances change."""

    step: Step
    partition: Partition
    circumstances: str


@dataclass(frozen=True, slots=True)
class Wave:
    """What to ask for now, and what is not asked for any more."""

    wanted: tuple[Wanted, ...]
    given_up: tuple[GivenUp, ...]


@dataclass(frozen=True, slots=True)
class Night:
    """When the night began, and the steps whose runs of tonight are not finished."""

    began: datetime
    running: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name under which its attempts are counted."""
        return f"{NIGHTLY} {self.began:%Y-%m-%d}"


class _Fate(Enum):
    """What becomes of one step of one day now."""

    SETTLED = auto()
    AWAITED = auto()
    WANTED = auto()
    GIVEN_UP = auto()


def night_of(now: datetime, settings: BackfillSettings) -> datetime | None:
    """Return when the night began that `now` falls into, or None by day."""
    begins = time.fromisoformat(settings.nightly_at)
    tonight = datetime.combine(now.astimezone(UTC).date(), begins, tzinfo=UTC)
    for start in (tonight, tonight - timedelta(days=1)):
        if start <= now < start + timedelta(hours=settings.nightly_hours):
            return start
    return None


def wave(steps: Sequence[Step], warehouse: Warehouse, night: Night) -> Wave:
    """Decide what a night should ask for now, over the days before it.

    Args:
        steps: the whole graph, in its order.
        warehouse: where partitions stand.
        night: its date ends the window of days looked at, and is not in it.
    """
    wanted: list[Wanted] = []
    given_up: list[GivenUp] = []
    last = night.began.date()
    first = last - timedelta(days=warehouse.settings.backfill.nightly_days)
    for instrument in warehouse.registry.instruments():
        plan = plan_of(steps, instrument, warehouse)
        days = [day for day in plan.market.recorded if first <= day < last]
        chosen, hopeless = _of_instrument(steps, warehouse, plan, days, night)
        wanted += chosen
        given_up += hopeless
    return Wave(tuple(wanted), tuple(given_up))


def _of_instrument(
    steps: Sequence[Step], warehouse: Warehouse, plan: MarketPlan, days: Sequence[date], night: Night
) -> tuple[list[Wanted], list[GivenUp]]:
    instrument = plan.market.instrument
    changing: set[tuple[str, date]] = set()
    chosen: dict[str, list[date]] = {step.name: [] for step in steps}
    given_up: list[GivenUp] = []
    for day in days:
        for step in steps:
            partition = Partition(day, instrument)
            reads = {(name, read) for name, at in step.inputs(warehouse.settings).items() for read in at.around(day)}
            is_awaited = step.name in night.running or bool(reads & changing)
            digest, fate = ("", _Fate.AWAITED) if is_awaited else _fate(step, partition, warehouse, night, plan)
            if fate in {_Fate.AWAITED, _Fate.WANTED}:
                changing |= {(name, day) for name in step.outputs}
            if fate is _Fate.WANTED:
                chosen[step.name].append(day)
            elif fate is _Fate.GIVEN_UP:
                given_up.append(GivenUp(step, partition, digest))
    longest = warehouse.settings.backfill.partitions_per_run
    wanted = [
        Wanted(step, Partition(first, instrument), Partition(last, instrument))
        for step in steps
        for first, last in _stretches(chosen[step.name], longest)
    ]
    return wanted, given_up


def _fate(step: Step, partition: Partition, warehouse: Warehouse, night: Night, plan: MarketPlan) -> tuple[str, _Fate]:
    """Decide about a step whose inputs are not about to change, and name the circumstances it would run in."""
    if partition.day.toordinal() not in plan.reasons[step.name]:
        return "", _Fate.SETTLED
    try:
        origin = origin_of(step, partition, warehouse, resolve_inputs(step, partition, warehouse))
    except NotPublished:
        return "", _Fate.SETTLED  # what it reads is missing, and not about to come
    digest = circumstances(step, partition, warehouse, origin)
    nights = failures(warehouse.lake.engine, step.name, partition, digest, requested_by=NIGHTLY)
    if len(nights) >= warehouse.settings.backfill.max_attempts:
        return digest, _Fate.GIVEN_UP
    return digest, _Fate.SETTLED if night.name in nights else _Fate.WANTED


def _stretches(days: Sequence[date], longest: int) -> Iterator[tuple[date, date]]:
    """Cut rising days into stretches without a missing day, because a run of a range makes every day of it."""
    start = 0
    for n in range(1, len(days) + 1):
        if n == len(days) or days[n] - days[n - 1] > timedelta(days=1) or n - start == longest:
            yield days[start], days[n - 1]
            start = n
