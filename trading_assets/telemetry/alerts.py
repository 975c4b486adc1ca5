"""Alerts: what a person should be told, once for each subject, counted however often it happens.

A subject names the thing and its circumstances (a partition with the digest of what it was made from, a run, a file),
so that the same trouble is told once and new trouble again. The counts live in the catalogue, where all processes
share them and a metric can read them.

An alert is recorded and logged by whoever raises it and delivered beside it, so that a dead webhook costs a
publication no time.

Belongs here: kinds, recording and counting. Does not: sending (outbox), when to raise (execute, watch, reconcile).
"""

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, cast

from loguru import logger
from sqlalchemy import CursorResult, Engine, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from trading_assets.errors import CatalogFailed, DiskFull
from trading_assets.settings import Settings
from trading_assets.storage.catalog import AlertRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.telemetry.logs import redacted
from trading_assets.telemetry.outbox import Alert, as_alert, deliver_beside

MAX_SUBJECT: Final = 255
MAX_MESSAGE: Final = 1024


class Kind(StrEnum):
    """What an alert is about."""

    GATE_FAILURE = "gate failure"
    LATE_PARTITION = "late partition"
    STUCK_RUN = "stuck run"
    GIVEN_UP = "given up"
    IMPORT_REFUSED = "import refused"


LASTING: Final = frozenset({Kind.LATE_PARTITION, Kind.STUCK_RUN, Kind.GIVEN_UP})
"""Kinds that are a state, seen again at every look: each of their subjects counts once."""


def raise_alert(kind: Kind, subject: str, message: str, *, engine: Engine, settings: Settings) -> None:
    """Record and log an alert, and have it delivered; never raises, because it tells of other trouble.

    A subject that is known is only counted. Control characters are shown as escapes, and long texts are cut.
    """
    subject, message = _subject(subject), _one_line(message, MAX_MESSAGE)
    about = {"kind": str(kind), "subject": subject}
    try:
        is_new = _count(engine, kind, subject, message)
    except (OSError, SQLAlchemyError, CatalogFailed, DiskFull) as error:
        logger.bind(**about).error("alert, not recorded ({}): {}", type(error).__name__, message)
        return
    if is_new:
        logger.bind(**about).error("alert: {}", message)
        deliver_beside(engine, settings)


def alerts(engine: Engine, *, limit: int) -> list[Alert]:
    """Return the alerts that happened last, newest first."""
    newest = select(AlertRow).order_by(AlertRow.last_at.desc(), AlertRow.id.desc()).limit(limit)
    return query(engine, lambda session: [as_alert(row) for row in session.scalars(newest)])


def counters(engine: Engine) -> dict[Kind, int]:
    """Return how often each kind happened since the catalogue was made: counters that only rise."""
    rows = query(
        engine,
        lambda session: session.execute(
            select(AlertRow.kind, func.sum(AlertRow.n_times)).group_by(AlertRow.kind)
        ).all(),
    )
    found = {kind: int(n) for kind, n in rows}
    return {kind: found.get(kind, 0) for kind in Kind}


def _count(engine: Engine, kind: Kind, subject: str, message: str) -> bool:
    """Count one more, or make the first; True for the first."""
    now, is_event = datetime.now(UTC), kind not in LASTING
    again = (
        update(AlertRow)
        .where(AlertRow.kind == str(kind), AlertRow.subject == subject)
        .values(n_times=AlertRow.n_times + int(is_event), last_at=now)
    )
    first = {"kind": str(kind), "subject": subject, "message": message, "first_at": now, "last_at": now, "n_times": 1}

    def work(session: Session) -> bool:
        if cast("CursorResult[Any]", session.execute(again)).rowcount:
            return False
        session.add(AlertRow(**first))
        return True

    return transact(engine, work)


def _subject(text: str) -> str:
    """Keep long subjects apart by a digest of the whole."""
    line = _escaped(text)
    if len(line) <= MAX_SUBJECT:
        return line
    digest = sha256(line.encode()).hexdigest()[:16]
    return f"{line[: MAX_SUBJECT - len(digest) - 2]}… {digest}"


def _one_line(text: str, limit: int) -> str:
    line = _escaped(text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in redacted(text))
