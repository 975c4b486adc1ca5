"""Execute one step for one partition: read what is published, compute, stage, audit, publish or refuse.

This is the publish protocol in one place; every door (Dagster, the command line, tests) goes through `execute`.

Belongs here: the order of the protocol. Does not: Dagster (assets), judging (gate), pointers (storage/lake).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from loguru import logger

from trading_assets.errors import NotExpected
from trading_assets.identifiers import Instrument, Partition
from trading_assets.memory import hand_back
from trading_assets.orchestration.circumstances import circumstances, made_with, origin_of
from trading_assets.orchestration.days import Days, ensure_covered
from trading_assets.orchestration.gate import Audit, Verdict, audit
from trading_assets.orchestration.step import Made, Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.attempts import begun
from trading_assets.storage.database.transactions import query
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.formats import CAPTURE, DOCUMENT, Published, open_published, write_parquet
from trading_assets.storage.lake import Lake
from trading_assets.storage.overview import bare_days
from trading_assets.storage.records import Draft, Ticket, Version
from trading_assets.telemetry.alerts import Kind, raise_alert

OFFENDERS: Final = 20
"""Rows that a report keeps of what the gate did not like."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one partition of one step."""

    step: Step
    partition: Partition
    verdicts: Mapping[str, Verdict]
    versions: Mapping[str, Version]
    """The published versions by asset; empty when the gate refused."""
    audits: Mapping[str, Audit]

    @property
    def refusal(self) -> str | None:
        """Why nothing was published, or None."""
        reasons = [f"{name}: {verdict.reason}" for name, verdict in self.verdicts.items() if verdict.reason]
        return " | ".join(reasons) or None


def execute(
    step: Step,
    partition: Partition,
    warehouse: Warehouse,
    *,
    run_id: str,
    requested_by: str | None = None,
    inputs: list[Version] | None = None,
) -> Outcome:
    """Bring one partition of a step from published inputs to published outputs, or to quarantine.

    Args:
        step: the step.
        partition: the partition.
        warehouse: where to read and publish.
        run_id: of the run that does it.
        requested_by: the automation that asked for it; None where a person did.
        inputs: what to read; what stands by default.

    Raises:
        NotPublished: an input has no published version.
        CorruptObject: an input's bytes are not those that were published.
        LostRace: a newer run of the same partition took over; nothing was published.
        NotExpected: its recording has nothing to make it of; nothing was tried.
    """
    ensure_expected(step, partition, warehouse)
    log = logger.bind(assets=", ".join(step.outputs), partition=str(partition), run_id=run_id)
    lake, settings = warehouse.lake, warehouse.settings
    hand_back()
    with lake.ticket(step.name, partition, run_id=run_id, requested_by=requested_by) as ticket:
        inputs = resolve_inputs(step, partition, warehouse) if inputs is None else inputs
        origin = origin_of(step, partition, warehouse, inputs)
        made_of = circumstances(step, partition, warehouse, origin)
        begun(lake.engine, ticket, made_of, made_with(step, partition, warehouse, origin))
        services = _services(step, partition, warehouse, ticket)
        opened = _open_inputs(inputs, step.inputs(settings), lake)
        made = _as_made(step, step.make(**opened, **services))
        drafts = {name: _stage(lake, ticket, step, name, made.outputs[name]) for name in step.outputs}
        evidence = made.evidence
        del made  # what was written is not held any more while it is judged
        hand_back()

        def about(staged: Published) -> Audit:
            return Audit(staged, {**opened, **services}, evidence, settings, partition)

        verdicts = {name: audit(draft, step.outputs[name].gate, about, settings) for name, draft in drafts.items()}
        judged = [_judged(draft, verdicts[name]) for name, draft in drafts.items()]
        outcome = Outcome(step, partition, verdicts, {}, {})
        if outcome.refusal:
            paths = lake.refuse(ticket, judged, origin, reason=outcome.refusal)
            log.bind(quarantine=str(paths[0])).error("refused by the gate: {}", outcome.refusal)
            subject = f"{step.name} of {partition}, made of {made_of[:8]}"
            raise_alert(Kind.GATE_FAILURE, subject, outcome.refusal, engine=lake.engine, settings=settings)
            return outcome
        versions = lake.publish(ticket, judged, origin)
    _discard(services.get("landed", []))
    log.bind(versions={name: version.md5 for name, version in versions.items()}).info("published")
    audits = {name: about(open_published(lake.store.object_path(v.md5), v.suffix)) for name, v in versions.items()}
    return Outcome(step, partition, verdicts, versions, audits)


def ensure_expected(step: Step, partition: Partition, warehouse: Warehouse) -> None:
    """Refuse what a recording holds nothing of, before anything is tried or counted as an attempt.

    Raises:
        NotExpected: what stands of a table that the step needs has no row.
    """
    bare = bare_of(step.needs, partition.instrument, warehouse)
    if why := bare.get(partition.day.toordinal()):
        raise NotExpected(f"{step.name} of {partition} is not expected: {why}")


def bare_of(needs: Mapping[str, str], instrument: Instrument, warehouse: Warehouse) -> dict[int, str]:
    """Return the days (ordinals) on which a table that is needed stands without a row, and what that means."""
    if not needs:
        return {}
    bare = query(
        warehouse.lake.engine,
        lambda session: bare_days(session, list(needs), [str(instrument)]).get(str(instrument), {}),
    )
    return {day: needs[name] for name, days in bare.items() for day in days}


def resolve_inputs(step: Step, partition: Partition, warehouse: Warehouse) -> list[Version]:
    """Find the standing versions of everything a step reads, all of one moment.

    Raises:
        NotPublished: a registered day of an input's window has no published version, or there is no such day.
    """
    windows = step.inputs(warehouse.settings)
    bare = bare_of(step.needs, partition.instrument, warehouse)
    around = {day for days in windows.values() for day in days.around(partition.day)}
    recorded = warehouse.registry.registered_among(partition.instrument, around) if around else set()
    registered = {day for day in recorded if day.toordinal() not in bare}
    wanted = {
        name: [partition.on(day) for day in days.around(partition.day) if day in registered]
        for name, days in windows.items()
    }
    everything = sorted({p for partitions in wanted.values() for p in partitions})
    found = warehouse.lake.find_all(list(windows), everything) if everything else {}
    for name, partitions in wanted.items():
        days = {p.day for p in partitions if (name, p) in found}
        ensure_covered(name, windows[name], partition, wanted=[p.day for p in partitions], found=days)
    return [found[name, p] for name, partitions in wanted.items() for p in partitions if (name, p) in found]


def _open_inputs(inputs: list[Version], windows: Mapping[str, Days], lake: Lake) -> dict[str, Any]:
    opened: dict[str, Any] = {}
    for name, days in windows.items():
        by_day = {v.partition.day: lake.open(v) for v in inputs if v.asset == name}
        opened[name] = next(iter(by_day.values())) if days.first == days.last else by_day
    return opened


def _services(step: Step, partition: Partition, warehouse: Warehouse, ticket: Ticket) -> dict[str, Any]:
    def standing() -> Published | None:
        version = warehouse.lake.find(step.name, partition)
        return warehouse.lake.open(version) if version else None

    offered: dict[str, Callable[[], Any]] = {
        "settings": lambda: warehouse.settings,
        "partition": lambda: partition,
        "tick_rules": lambda: warehouse.registry.tick_rules(partition.instrument),
        "landed": lambda: warehouse.landed(partition),
        "standing": standing,
        "workspace": lambda: warehouse.lake.store.workspace(ticket.folder),
    }
    return {name: offered[name]() for name in sorted(step.services)}


def _as_made(step: Step, result: Any) -> Made:  # noqa: ANN401 - whatever the step's function returns
    return result if isinstance(result, Made) else Made({step.name: result})


def _stage(lake: Lake, ticket: Ticket, step: Step, name: str, made: Any) -> Draft:  # noqa: ANN401 - a frame, bytes, a writer or a file
    suffix = step.outputs[name].suffix
    if isinstance(made, Path):
        return lake.stage_made(ticket, name, suffix, made)
    if suffix == DOCUMENT:
        return lake.stage(ticket, name, suffix, partial(_write_bytes, made))
    return lake.stage(ticket, name, suffix, made if suffix == CAPTURE else partial(write_parquet, made))


def _judged(draft: Draft, verdict: Verdict) -> Draft:
    """Put the gate's answer beside the file, with a few of the rows that it did not like."""
    offenders = tuple(verdict.offenders.head(OFFENDERS).iter_rows(named=True))
    return replace(draft, judgements=verdict.judgements, offenders=offenders)


def _write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _discard(landed: list[Path]) -> None:
    """Drop imported files whose lines are now in the published capture; one that stays is merged again."""
    for path in landed:
        try:
            effects.passing(Effect.LANDED_FILE_REMOVED)
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.bind(path=str(path)).warning("published, but an imported file could not be removed: {}", error)
