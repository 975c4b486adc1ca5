"""What is published, missing, stale or refused, and what a run would therefore do.

A partition is expected where a capture is registered (or has landed) and, for a step that reads earlier days, where
such a day exists; it is not where a raw table that the step needs has no row. It is stale when its code version, its
settings or an upstream version changed since.

Belongs here: asking that of a warehouse, and saying what exactly changed.
Does not: the comparison itself (market_plan), running anything (runner).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.market_plan import CHANGED, MarketPlan, State
from trading_assets.orchestration.moment import markets_now
from trading_assets.orchestration.outline import Outline, needed_by, of_steps
from trading_assets.storage.overview import versions_of
from trading_assets.storage.records import Origin, Version, inputs_of

if TYPE_CHECKING:
    from trading_assets.orchestration.step import Step
    from trading_assets.orchestration.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Standing:
    """One cell of the status table, with the version that stands as it was recorded."""

    asset: str
    partition: Partition
    state: State
    version: Version | None
    why: str


def plan_of(steps: "Sequence[Step]", instrument: Instrument, warehouse: "Warehouse") -> MarketPlan:
    """Hold one instrument against some steps, as it is now."""
    outlines = of_steps(steps, warehouse.settings)
    assets = [name for outline in outlines for name in outline.outputs]
    lake = warehouse.lake
    (market,) = markets_now(lake.engine, lake.store.root, assets, [instrument], needed=needed_by(outlines))
    return MarketPlan(outlines, market)


def standings(
    steps: "Sequence[Step]", instrument: Instrument, days: Sequence[date] | None, warehouse: "Warehouse"
) -> list[Standing]:
    """Report every asset of every expected day (or of the given ones) of an instrument, in the graph's order."""
    plan, engine = plan_of(steps, instrument, warehouse), warehouse.lake.engine
    cells = list(plan.cells(plan.market.recorded if days is None else days))
    told = differences(plan, [(cell.asset, cell.partition.day) for cell in cells if cell.why == CHANGED], engine)
    assets = sorted({cell.asset for cell in cells})
    versions = versions_of(engine, assets, str(instrument), [cell.partition.day for cell in cells])
    keys = [(cell.asset, cell.partition.day) for cell in cells]
    return [
        Standing(cell.asset, cell.partition, cell.state, versions.get(key), told.get(key, cell.why))
        for key, cell in zip(keys, cells, strict=True)
    ]


def recorded_days(instrument: Instrument, warehouse: "Warehouse") -> list[date]:
    """Return the days with a capture, published or just landed."""
    return plan_of((), instrument, warehouse).market.recorded


def pending(steps: "Sequence[Step]", partition: Partition, warehouse: "Warehouse") -> dict[str, str]:
    """Name the steps a run of this partition would execute, each with its reason, upstream first."""
    plan = plan_of(steps, partition.instrument, warehouse)
    return pending_in_words(plan, [partition.day], warehouse.lake.engine)[partition.day]


def pending_in_words(plan: MarketPlan, days: Sequence[date], engine: Engine) -> dict[date, dict[str, str]]:
    """Name what a run of some days would execute, with what exactly changed where something did."""
    chosen = {day: plan.pending(day) for day in days}
    first_output = {step.name: step.outputs[0] for step in plan.steps}
    vague = [
        (first_output[name], day) for day, steps in chosen.items() for name, why in steps.items() if why == CHANGED
    ]
    told = differences(plan, vague, engine)
    return {
        day: {name: told.get((first_output[name], day), why) if why == CHANGED else why for name, why in steps.items()}
        for day, steps in chosen.items()
    }


def is_expected(step: "Step", partition: Partition, warehouse: "Warehouse", steps: "Sequence[Step]") -> bool:
    """Tell whether a step can have this partition at all, given the recorded days."""
    return partition.day.toordinal() in plan_of(steps, partition.instrument, warehouse).expected[step.name]


def differences(plan: MarketPlan, changed: Iterable[tuple[str, date]], engine: Engine) -> dict[tuple[str, date], str]:
    """Say of assets and days that are not as they would be made now what changed: code, settings or which inputs."""
    of_step: dict[str, set[date]] = {}
    asked = set(changed)
    by_output = {name: step for step in plan.steps for name in step.outputs}
    for asset, day in asked:
        of_step.setdefault(by_output[asset].name, set()).add(day)
    told: dict[tuple[str, date], str] = {}
    for step in plan.steps:
        if days := of_step.get(step.name):
            versions = versions_of(engine, step.outputs, str(plan.market.instrument), days)
            for day in days:
                found = [versions[name, day] for name in step.outputs if (name, day) in versions]
                why = _difference_of(found, _origin(plan, step, day))
                told |= {(name, day): why for name in step.outputs if (name, day) in asked}
    return told


def _origin(plan: MarketPlan, step: Outline, day: date) -> Origin:
    return Origin(step.code_version, step.digest(plan.market.rules), inputs_of(plan.inputs(step, day.toordinal())))


def _difference_of(versions: Sequence[Version], now: Origin) -> str:
    return next((why for version in versions if (why := difference(version, now))), CHANGED)


def difference(made: Version | Origin, now: Origin) -> str | None:
    """Say what changed since something was made, or None."""
    if made.code_version != now.code_version:
        return f"code version {made.code_version} is now {now.code_version}"
    if made.settings_digest != now.settings_digest:
        return "settings changed"
    changed = sorted({asset for asset, _, _ in set(made.inputs) ^ set(now.inputs)})
    return f"{', '.join(changed)} changed" if changed else None
