"""A plan made cell by cell, by asking the warehouse about each partition anew: what the fast one must equal."""

from collections.abc import Mapping, Sequence
from datetime import date

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.circumstances import origin_of
from trading_assets.orchestration.execute import resolve_inputs
from trading_assets.orchestration.importing import landed_partitions
from trading_assets.orchestration.market_plan import State
from trading_assets.orchestration.plan import Standing, difference
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse


def standings(steps: Sequence[Step], partition: Partition, warehouse: Warehouse) -> list[Standing]:
    return [_standing(name, step, partition, warehouse, steps) for step in steps for name in step.outputs]


def pending(steps: Sequence[Step], partition: Partition, warehouse: Warehouse) -> dict[str, str]:
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
    landed = {p.day for p in landed_partitions(warehouse) if p.instrument == partition.instrument}
    recorded = landed | set(warehouse.registry.registered_days(partition.instrument))
    return _is_expected(step, partition, warehouse, recorded, {name: s for s in steps for name in s.outputs})


def _is_expected(
    step: Step, partition: Partition, warehouse: Warehouse, recorded: set[date], by_output: Mapping[str, Step]
) -> bool:
    return partition.day in recorded and all(
        any(
            day in recorded and _is_expected(by_output[name], partition.on(day), warehouse, recorded, by_output)
            for day in days.around(partition.day)
        )
        for name, days in step.inputs(warehouse.settings).items()
    )


def _standing(name: str, step: Step, partition: Partition, warehouse: Warehouse, steps: Sequence[Step]) -> Standing:
    version = warehouse.lake.find(name, partition)
    reason = reason_to_run(step, partition, warehouse, steps) or ""
    refusal = warehouse.registry.standing_refusals([name], partition.instrument).get((name, partition.day))
    if refusal is not None:
        kept = "the version before it stands" if version else "nothing stands"
        return Standing(name, partition, State.QUARANTINED, version, f"{refusal.reason} ({kept})")
    if version is None:
        state = State.MISSING if is_expected(step, partition, warehouse, steps) else State.NOT_EXPECTED
        return Standing(name, partition, state, None, reason)
    return Standing(name, partition, State.STALE if reason else State.PUBLISHED, version, reason)


def reason_to_run(step: Step, partition: Partition, warehouse: Warehouse, steps: Sequence[Step]) -> str | None:
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
