"""Attempts at a partition: every ticket is one, and says how it ended.

Attempts of equal origin (inputs, code and settings) are the same attempt again, so that whoever retries can tell a
partition that keeps failing from one whose circumstances changed.

Belongs here: the ends of attempts, which is the newest, and counting them.
Does not: taking a ticket (lake), deciding to retry (nightly).
"""

from typing import Final

from sqlalchemy import Engine, bindparam, func, select, update
from sqlalchemy.orm import Session

from trading_assets.identifiers import Partition
from trading_assets.storage.catalog import RecordedRow, TicketRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.records import MadeWith, Ticket

PUBLISHED: Final = "published"
REFUSED: Final = "refused"
FAILED: Final = "failed"
LOST: Final = "lost"
ACCEPTED: Final = "accepted"
"""Refused, and published all the same on a person's word."""
_NO_FAULT_OF_ITS_OWN: Final = (PUBLISHED, LOST, ACCEPTED)
_MAX_ERROR: Final = 1024
_OF_TICKET: Final = update(TicketRow).where(TicketRow.id == bindparam("ticket"))
# written down once, and no object of the session is looked for that they would change: each publication passes them
_BEGUN: Final = _OF_TICKET.values(origin=bindparam("made_of"), code_digest=bindparam("made_by")).execution_options(
    synchronize_session=False
)
_ENDED: Final = _OF_TICKET.values(outcome=bindparam("how"), error=bindparam("why")).execution_options(
    synchronize_session=False
)
_KNOWN: Final = select(RecordedRow.digest).where(RecordedRow.digest.in_(bindparam("digests", expanding=True)))
_OUTCOME: Final = select(TicketRow.outcome).where(TicketRow.id == bindparam("ticket"))
_NEWEST: Final = select(func.max(TicketRow.id)).where(
    TicketRow.step == bindparam("step"),
    TicketRow.day == bindparam("day"),
    TicketRow.instrument_id == bindparam("instrument"),
)


def begun(engine: Engine, ticket: Ticket, origin: str, made_with: MadeWith | None = None) -> None:
    """Say what an attempt is made from and with; until it says otherwise it counts as failed, so a killed one does."""

    def work(session: Session) -> None:
        code = made_with.code_digest if made_with else None
        session.execute(_BEGUN, {"ticket": ticket.id, "made_of": origin, "made_by": code})
        if made_with:
            texts = {made_with.settings_digest: made_with.settings, made_with.code_digest: made_with.code}
            known = set(session.scalars(_KNOWN, {"digests": list(texts)}))
            session.add_all(RecordedRow(digest=digest, text=texts[digest]) for digest in texts.keys() - known)

    transact(engine, work, effect=Effect.CIRCUMSTANCES_COMMITTED)


def ended(session: Session, ticket: Ticket, outcome: str, *, error: str | None = None) -> None:
    """Say how an attempt ended, in the transaction that ends it."""
    session.execute(_ENDED, {"ticket": ticket.id, "how": outcome, "why": error[:_MAX_ERROR] if error else None})


def has_ended(session: Session, ticket: Ticket, outcome: str) -> bool:
    """Tell whether an attempt has ended so already: it has where its commit was done and the answer was lost."""
    return session.scalar(_OUTCOME, {"ticket": ticket.id}) == outcome


def is_newest(session: Session, ticket: Ticket) -> bool:
    """Tell whether nobody took a later ticket of the same step's partition."""
    key = {"step": ticket.step, "day": ticket.partition.day, "instrument": str(ticket.partition.instrument)}
    return session.scalar(_NEWEST, key) == ticket.id


def failures(engine: Engine, step: str, partition: Partition, origin: str, *, requested_by: str) -> list[str]:
    """List who asked for the attempts at a step's partition with this origin that did not publish.

    Args:
        engine: the catalogue's.
        step: name of the step.
        partition: its partition.
        origin: digest of the circumstances.
        requested_by: how the names of those who asked begin.
    """
    statement = (
        select(TicketRow.requested_by)
        .where(
            TicketRow.step == step,
            TicketRow.day == partition.day,
            TicketRow.instrument_id == str(partition.instrument),
            TicketRow.origin == origin,
            TicketRow.requested_by.startswith(requested_by, autoescape=True),
            func.coalesce(TicketRow.outcome, FAILED).not_in(_NO_FAULT_OF_ITS_OWN),
        )
        .order_by(TicketRow.id)
    )
    return query(engine, lambda session: [name for name in session.scalars(statement) if name is not None])
