"""Accept what was refused, if a run would still make the very same thing.

Belongs here: holding a refused file against the code, settings and imported lines of now.
Does not: moving bytes and pointers (storage/upkeep/acceptance), finding and dropping (storage/upkeep/quarantine).
"""

from collections.abc import Sequence
from typing import Final

from trading_assets.errors import NotAcceptable
from trading_assets.orchestration.circumstances import circumstances, origin_of
from trading_assets.orchestration.execute import resolve_inputs
from trading_assets.orchestration.plan import difference
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.records import Version
from trading_assets.storage.upkeep import acceptance
from trading_assets.storage.upkeep.audit import MAX_REASON
from trading_assets.storage.upkeep.quarantine import Quarantine, Refused, State

MIN_REASON: Final = 10
"""A reason of fewer characters says nothing to whoever reads it in a year."""


def accept(
    ticket_id: int, steps: Sequence[Step], warehouse: Warehouse, *, actor: str, reason: str
) -> dict[str, Version]:
    """Publish everything that was refused with a ticket; return the versions that then stand.

    Raises:
        NotInQuarantine: nothing was refused with this ticket.
        NotAcceptable: the reason says nothing, what it was made from, by or with has changed since, or for one of
            the reasons of `storage.acceptance.accept`.
        NotPublished: an input is no longer published.
    """
    said = ensure_said(reason)
    refused = Quarantine(warehouse.lake).of_ticket(ticket_id)
    first = refused[0]
    step = _step_of(first, steps)
    consumed = warehouse.landed(first.partition) if "landed" in step.services else []
    changed = _change_since(first, step, warehouse)
    if changed and first.state is not State.ACCEPTED:
        raise NotAcceptable(
            f"ticket {ticket_id} is not what a run of now would make: {changed}; "
            f"run {step.name} of {first.partition} again, and see what is refused then"
        )
    versions = acceptance.accept(warehouse.lake, refused, actor=actor, reason=said)
    if not changed:
        for path in consumed:  # their lines are published, as after any publication
            path.unlink(missing_ok=True)
    return versions


def ensure_said(reason: str) -> str:
    """Return a reason without the spaces around it.

    Raises:
        NotAcceptable: it says nothing, or more than can be kept.
    """
    said = reason.strip()
    if MIN_REASON <= len(said) <= MAX_REASON:
        return said
    raise NotAcceptable(f"give a --reason of {MIN_REASON} to {MAX_REASON} characters: it is all that is known later")


def _step_of(refused: Refused, steps: Sequence[Step]) -> Step:
    for step in steps:
        if step.name == refused.step:
            return step
    raise NotAcceptable(f"{refused.subject} was made by {refused.step}, which the graph no longer has")


def _change_since(refused: Refused, step: Step, warehouse: Warehouse) -> str | None:
    inputs = resolve_inputs(step, refused.partition, warehouse)
    now = origin_of(step, refused.partition, warehouse, inputs)
    if refused.origin and (changed := difference(refused.origin, now)):
        return changed
    is_same = refused.circumstances == circumstances(step, refused.partition, warehouse, now)
    return None if is_same else "other lines were imported"
