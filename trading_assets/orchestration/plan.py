"""What is published, missing, stale or refused, and what a run would therefore do.

A partition is expected where a capture is registered (or has landed) and, for a step that reads earlier days, where
such a day exists. It is stale when its code version, its settings or an upstream version changed since.

Belongs here: comparing the catalogue with the declared steps. Does not: running anything (runner).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import Warehouse, origin_of, resolve_inputs
from trading_assets.orchestration.importing import landed_partitions
from trading_assets.orchestration.moment import at_this_moment
from trading_assets.orchestration.step import Step
from trading_assets.storage.records import Origin, Version
from trading_assets.storage.registry import Refusal
from trading_assets.storage.upkeep.acceptance import acceptances
from trading_assets.storage.upkeep.audit import Act


class State(StrEnum):
    """How a partition of an asset stands."""

    PUBLISHED = "published"
    STALE = "stale"
    MISSING = "missing"
    QUARANTINED = "quarantined"
    NOT_EXPECTED = "not expected"


@dataclass(frozen=True, slots=True)
class Standing:
    """One cell of the status table."""

    asset: str
    partition: Partition
    state: State
    version: Version | None
    why: str


def standings(
    steps: Sequence[Step], instrument: Instrument, days: Sequence[date] | None, warehouse: Warehouse
) -> list[Standing]:
    """Report every asset of every expected day (or of the given ones) of an instrument, in the graph's order."""
    names = [name for step in steps for name in step.outputs]
    warehouse = at_this_moment(warehouse, instrument)
    refusals = warehouse.registry.standing_refusals(names, instrument)
    accepted = acceptances(warehouse.lake.engine, names, instrument)
    recorded = recorded_days(instrument, warehouse)
    found = [
        _standing(name, step, Partition(day, instrument), warehouse, refusals.get((name, day)), steps)
        for day in (recorded if days is None else days)
        for step in steps
        for name in step.outputs
    ]
    return [_with_acceptance(each, accepted.get((each.asset, each.partition.day))) for each in found]


def recorded_days(instrument: Instrument, warehouse: Warehouse) -> list[date]:
    """Return the days with a capture, published or just landed."""
    landed = {partition.day for partition in landed_partitions(warehouse) if partition.instrument == instrument}
    return sorted(landed | set(warehouse.registry.registered_days(instrument)))


def pending(steps: Sequence[Step], partition: Partition, warehouse: Warehouse) -> dict[str, str]:
    """Name the steps a run of this partition would execute, each with its reason, upstream first.

    A step whose upstream is about to be executed is executed too: its input may change.
    """
    chosen: dict[str, str] = {}
    changing: set[str] = set()
    for step in steps:
        reason = reason_to_run(step, partition, warehouse, steps)
        upstream = sorted(changing & set(step.inputs(warehouse.settings)))
        if reason is None and upstream and is_expected(step, partition, warehouse, steps):
            reason = f"{upstream[0]} will be made anew"
        if reason is not None:
            chosen[step.name] = reason
            changing |= set(step.outputs)
    return chosen


def is_expected(step: Step, partition: Partition, warehouse: Warehouse, steps: Sequence[Step]) -> bool:
    """Tell whether a step can have this partition at all, given the recorded days."""
    recorded = set(recorded_days(partition.instrument, warehouse))
    by_output = {name: other for other in steps for name in other.outputs}
    return _is_expected(step, partition, warehouse, recorded, by_output)


def _is_expected(
    step: Step, partition: Partition, warehouse: Warehouse, recorded: set[date], by_output: Mapping[str, Step]
) -> bool:
    if partition.day not in recorded:
        return False
    return all(
        any(
            day in recorded and _is_expected(by_output[name], partition.on(day), warehouse, recorded, by_output)
            for day in days.around(partition.day)
        )
        for name, days in step.inputs(warehouse.settings).items()
    )


def _standing(
    name: str, step: Step, partition: Partition, warehouse: Warehouse, refusal: Refusal | None, steps: Sequence[Step]
) -> Standing:
    version = warehouse.lake.find(name, partition)
    reason = reason_to_run(step, partition, warehouse, steps)
    if refusal is not None:
        kept = "the version before it stands" if version else "nothing stands"
        return Standing(name, partition, State.QUARANTINED, version, f"{refusal.reason} ({kept})")
    if version is None:
        state = State.MISSING if is_expected(step, partition, warehouse, steps) else State.NOT_EXPECTED
        return Standing(name, partition, state, None, reason or "")
    return Standing(name, partition, State.STALE if reason else State.PUBLISHED, version, reason or "")


def _with_acceptance(standing: Standing, act: Act | None) -> Standing:
    """Say of a version that stands on a person's word whose it is."""
    if act is None or standing.state is not State.PUBLISHED:
        return standing
    return replace(standing, why=f"accepted by {act.actor}: {act.reason}")


def reason_to_run(step: Step, partition: Partition, warehouse: Warehouse, steps: Sequence[Step]) -> str | None:
    """Say why a step of a partition has to be executed, or None."""
    if not is_expected(step, partition, warehouse, steps):
        return None
    if "landed" in step.services and warehouse.landed(partition):
        return "new lines were imported"
    versions = [warehouse.lake.find(name, partition) for name in step.outputs]
    if any(version is None for version in versions):
        return "missing"
    try:
        origin = origin_of(step, partition, warehouse, resolve_inputs(step, partition, warehouse))
    except NotPublished as error:
        return str(error)
    return next((why for version in versions if version and (why := difference(version, origin))), None)


def difference(made: Version | Origin, now: Origin) -> str | None:
    """Say what changed since something was made, or None."""
    if made.code_version != now.code_version:
        return f"code version {made.code_version} is now {now.code_version}"
    if made.settings_digest != now.settings_digest:
        return "settings changed"
    changed = sorted({asset for asset, _, _ in _only_in_one(made.inputs, now.inputs)})
    return f"{', '.join(changed)} changed" if changed else None


def _only_in_one(
    some: Iterable[tuple[str, date, str]], others: Iterable[tuple[str, date, str]]
) -> set[tuple[str, date, str]]:
    return set(some) ^ set(others)
