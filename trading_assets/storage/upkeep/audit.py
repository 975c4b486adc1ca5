"""The audit trail: what people, or retention on their behalf, did to the data beside the graph.

Belongs here: writing an act down in the transaction that performs it, and reading acts back.
Does not: the acts themselves (acceptance, quarantine, retention).
"""

import os
import pwd
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from trading_assets.identifiers import Partition
from trading_assets.storage.catalog import AuditRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.storage.durability.effects import Effect

ACCEPT: Final = "accept"
DROP: Final = "drop"
TIDY: Final = "tidy"
MAX_REASON: Final = 1024


@dataclass(frozen=True, slots=True)
class Act:
    """One entry of the trail."""

    acted_at: datetime
    actor: str
    act: str
    subject: str
    reason: str


def operating_user() -> str:
    """Return the name of the account this process runs as, by the system's word and not by a variable's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # an account of a container that nobody named
        return f"uid {os.getuid()}"


def subject_of(asset: str, partition: Partition, ticket_id: int) -> str:
    """Name a refused file as the subject of an act."""
    return f"{asset} {partition} {ticket_id}"


def write_down(session: Session, act: str, subject: str, *, actor: str, reason: str) -> None:
    """Add an act to the trail, in the transaction that performs it."""
    session.add(AuditRow(acted_at=datetime.now(UTC), actor=actor, act=act, subject=subject, reason=reason[:MAX_REASON]))


def write_down_all(
    engine: Engine, acts: Iterable[tuple[str, str]], act: str, *, actor: str, effect: Effect | None = None
) -> None:
    """Add one act on several subjects, each with its reason, to the trail, before what cannot be undone is done."""
    rows = list(acts)

    def work(session: Session) -> None:
        for subject, reason in rows:
            write_down(session, act, subject, actor=actor, reason=reason)

    transact(engine, work, effect=effect)


def trail(engine: Engine, *, limit: int) -> list[Act]:
    """Return the newest acts, newest first."""
    newest = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    return query(engine, lambda session: [_as_act(row) for row in session.scalars(newest)])


def newest_by_subject(session: Session, act: str, subjects: Sequence[str]) -> dict[str, Act]:
    """Return the newest act of a kind on each of some subjects."""
    rows = session.scalars(
        select(AuditRow).where(AuditRow.act == act, AuditRow.subject.in_(subjects)).order_by(AuditRow.id)
    )
    return {row.subject: _as_act(row) for row in rows}


def object_subject(md5: str) -> str:
    """Name an object of the store as the subject of an act."""
    return f"object {md5}"


def removal_of(engine: Engine, md5: str) -> Act | None:
    """Return the act by which retention last removed an object, if it ever did."""
    subject = object_subject(md5)
    return query(engine, lambda session: newest_by_subject(session, TIDY, [subject]).get(subject))


def _as_act(row: AuditRow) -> Act:
    return Act(row.acted_at, row.actor, row.act, row.subject, row.reason)
