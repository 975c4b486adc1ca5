"""The one exception to "only what passed its gate is published": a person vouches for what was refused.

It is narrow: the very bytes that were judged, made from what stands, not overtaken by a later attempt, all outputs of
their step together, with a reason and a name that stay. The judgements stay as they were.

The refused file is copied, so that a crash before the commit leaves quarantine as it was and one after it leaves a
file too many, which accepting again removes.

Belongs here: that exception, and what is known of it afterwards.
Does not: publishing what passed (lake), whether code and settings are still the same (orchestration/upkeep/quarantine).
"""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from trading_assets.errors import NotAcceptable
from trading_assets.storage.attempts import ACCEPTED, FAILED, LOST, ended
from trading_assets.storage.catalog import PointerRow, QuarantineRow, TicketRow
from trading_assets.storage.database.transactions import transact
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.guard import publishing
from trading_assets.storage.formats import count_rows
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Draft, Origin, Ticket, Version
from trading_assets.storage.rows import move_pointer
from trading_assets.storage.upkeep.audit import ACCEPT, subject_of, write_down
from trading_assets.storage.upkeep.quarantine import Refused, State


def accept(lake: Lake, refused: Sequence[Refused], *, actor: str, reason: str) -> dict[str, Version]:
    """Publish everything that was refused with one ticket, on a person's word; again, it changes nothing.

    Args:
        lake: where to.
        refused: all files of the ticket, from `Quarantine.of_ticket`.
        actor: who vouches for them.
        reason: why.

    Raises:
        NotAcceptable: the files were dropped, damaged or never readable, a later attempt at their partition may have
            been published or refused, or an input they were made from no longer stands.
    """
    first = refused[0]
    if any(each.state is not State.ACCEPTED for each in refused):
        origin = _origin_of(refused)
        lake.store.sweep()
        with (
            disk_faults_named(lake.store.root, f"accepting ticket {first.ticket_id}"),
            lake.store.staging(f"{first.ticket_id}-accepting-{os.getpid()}") as folder,
        ):
            ticket = Ticket(first.ticket_id, first.step, first.partition, first.run_id, folder)
            _publish(lake, ticket, [_copied(lake, ticket, each) for each in refused], origin, actor, reason)
    for each in refused:
        each.path.unlink(missing_ok=True)
    found = lake.find_all([each.asset for each in refused], [first.partition])
    return {asset: version for (asset, _), version in found.items()}


def _origin_of(refused: Sequence[Refused]) -> Origin:
    """Return what all files of a ticket were made from, if they are such that a person can vouch for them."""
    for each in refused:
        if each.state is State.DROPPED:
            raise NotAcceptable(f"{each.subject} was dropped: run its partition again, and see what is refused then")
        if each.n_rows is None:
            raise NotAcceptable(f"{each.subject} could not be read when it was judged: there is nothing to accept")
        if each.origin is None:
            raise NotAcceptable(
                f"{each.subject} was refused by older code that kept no origin: run its partition again"
            )
    return cast("Origin", refused[0].origin)


def _copied(lake: Lake, ticket: Ticket, refused: Refused) -> Draft:
    """Copy a quarantined file into staging and hold the bytes that arrived there against what was judged."""
    try:
        draft = lake.stage(ticket, refused.asset, refused.suffix, partial(_copy, refused.path))
    except FileNotFoundError:
        raise NotAcceptable(f"{refused.path} is gone: run the partition of {refused.subject} again") from None
    if draft.file.md5 != refused.md5:
        raise NotAcceptable(f"{refused.path} has bytes of md5 {draft.file.md5}: it was damaged after it was refused")
    return draft


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _publish(lake: Lake, ticket: Ticket, drafts: Sequence[Draft], origin: Origin, actor: str, reason: str) -> None:
    rows = {draft.asset: count_rows(draft.file.path, draft.suffix) for draft in drafts}
    mine, now = QuarantineRow.ticket_id == ticket.id, datetime.now(UTC)

    def work(session: Session) -> None:
        if set(session.scalars(select(QuarantineRow.accepted_at).where(mine))) == {now}:
            return  # by this very act, whose commit got no answer
        _ensure_untouched(session, ticket)
        _ensure_newest(session, ticket)
        _ensure_inputs_stand(session, ticket, origin)
        for draft in drafts:
            move_pointer(session, ticket, draft, rows[draft.asset], origin)
            subject = subject_of(draft.asset, ticket.partition, ticket.id)
            write_down(session, ACCEPT, subject, actor=actor, reason=reason)
        ended(session, ticket, ACCEPTED)
        session.execute(update(QuarantineRow).where(mine).values(accepted_at=now))

    with publishing(lake.store.root):
        lake.store.keep(*(draft.file for draft in drafts))
        transact(lake.engine, work, effect=Effect.PUBLICATION_COMMITTED)


def _ensure_untouched(session: Session, ticket: Ticket) -> None:
    rows = session.scalars(select(QuarantineRow).where(QuarantineRow.ticket_id == ticket.id))
    if any(row.accepted_at or row.dropped_at for row in rows):
        raise NotAcceptable(f"ticket {ticket.id} was accepted or dropped by somebody else meanwhile")


def _ensure_newest(session: Session, ticket: Ticket) -> None:
    """Hold against every later attempt that it may have published, or been refused with other bytes."""
    later = session.scalars(
        select(TicketRow)
        .where(
            TicketRow.step == ticket.step,
            TicketRow.day == ticket.partition.day,
            TicketRow.instrument_id == str(ticket.partition.instrument),
            TicketRow.id > ticket.id,
            func.coalesce(TicketRow.outcome, "").not_in((FAILED, LOST)),
        )
        .order_by(TicketRow.id.desc())
    ).first()
    if later is not None:
        became = f"was {later.outcome}" if later.outcome else "has not ended (was it killed, run the partition again)"
        raise NotAcceptable(
            f"ticket {ticket.id} was overtaken: {ticket.step} of {ticket.partition} was attempted again with ticket "
            f"{later.id}, which {became}"
        )


def _ensure_inputs_stand(session: Session, ticket: Ticket, origin: Origin) -> None:
    for asset, day, md5 in origin.inputs:
        pointer = session.get(
            PointerRow, {"asset": asset, "day": day, "instrument_id": str(ticket.partition.instrument)}
        )
        if pointer is None or pointer.md5 != md5:
            raise NotAcceptable(
                f"ticket {ticket.id} was made from a version of {asset} of {day} that no longer stands: "
                "run the partition again, and see what is refused then"
            )
