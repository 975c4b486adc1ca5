"""The outbox: alerts that nobody took yet, sent by one process of a machine at a time.

One URL that took an alert is enough; what none took is sent again by `resend`. An alert arrives at least once: rarely
twice, where a process died between sending and noting it, or where several machines share a catalogue.

Belongs here: what is still to be sent, and when. Does not: raising (alerts), how it is carried (delivery).
"""

import fcntl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from loguru import logger
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from trading_assets.errors import CatalogFailed, DiskFull
from trading_assets.settings import Settings
from trading_assets.storage.catalog import AlertRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.telemetry.delivery import Sent, send

MAX_A_MESSAGE: Final = 20
"""Alerts that go out in one message; what piles up while one is sent goes with the next."""
MAX_TITLE: Final = 120
SENDABLE: Final = timedelta(days=1)
"""An older alert that nobody took is history, and no longer sent."""
PATIENCE_S: Final = 60.0
"""After a failed delivery, how long `resend` waits before it tries again."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One subject of trouble."""

    id: int
    kind: str
    subject: str
    message: str
    first_at: datetime
    last_at: datetime
    n_times: int
    delivered_at: datetime | None


def as_alert(row: AlertRow) -> Alert:
    """Return the record of a row."""
    return Alert(row.id, row.kind, row.subject, row.message, row.first_at, row.last_at, row.n_times, row.delivered_at)


def deliver_beside(engine: Engine, settings: Settings) -> None:
    """Send what waits in a thread of its own, which ends within twice `alerts.timeout_s`."""
    if not settings.alerts.urls:
        return
    try:
        threading.Thread(target=_deliver_quietly, args=(engine, settings), name="alerts").start()
    except RuntimeError as error:  # the system has no thread left, or the interpreter is ending
        logger.warning("alerts were not delivered, and will be sent again: {}", error)


def resend(engine: Engine, settings: Settings) -> bool:
    """Have sent, beside this thread, what nobody took yet; False where there is nothing, or it failed just now."""
    if not settings.alerts.urls or not _waiting(engine) or _failed_lately(_lock_path(settings)):
        return False
    deliver_beside(engine, settings)
    return True


def deliver(engine: Engine, settings: Settings) -> int:
    """Send all waiting alerts, unless another process is at it; return how many some URL took.

    It ends at the first message that no URL took, and begins no message after `alerts.timeout_s`.
    """
    n_taken, deadline = 0, time.monotonic() + settings.alerts.timeout_s
    # Looked at again after the lock is given back: what came while it was held was left to us.
    while settings.alerts.urls and time.monotonic() < deadline and _waiting(engine):
        with _only_one(_lock_path(settings)) as lock:
            batch = _waiting(engine) if lock else []
            if lock is None or not batch:
                return n_taken
            is_taken = _is_taken(_message(batch), settings)
            lock.truncate(0)
            if not is_taken:
                lock.write("failed")
                return n_taken
            _note_delivered(engine, batch)
            n_taken += len(batch)
    return n_taken


def send_test(settings: Settings) -> list[Sent]:
    """Send a test message to every URL and return what came of each."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return _sent(("trading_assets: a test", f"This is a test of the alerts of trading_assets, {now}"), settings)


def _deliver_quietly(engine: Engine, settings: Settings) -> None:
    try:
        deliver(engine, settings)
    except (OSError, SQLAlchemyError, CatalogFailed, DiskFull) as error:
        logger.warning("alerts were not delivered, and will be sent again: {}", type(error).__name__)


def _waiting(engine: Engine) -> list[Alert]:
    statement = (
        select(AlertRow)
        .where(AlertRow.delivered_at.is_(None), AlertRow.first_at > datetime.now(UTC) - SENDABLE)
        .order_by(AlertRow.id)
        .limit(MAX_A_MESSAGE)
    )
    return query(engine, lambda session: [as_alert(row) for row in session.scalars(statement)])


def _note_delivered(engine: Engine, batch: Sequence[Alert]) -> None:
    delivered = update(AlertRow).where(AlertRow.id.in_([alert.id for alert in batch]))
    transact(engine, lambda session: session.execute(delivered.values(delivered_at=datetime.now(UTC))))


def _is_taken(message: tuple[str, str], settings: Settings) -> bool:
    answers = _sent(message, settings)
    for answer in answers:
        if answer.error:
            logger.bind(where=answer.where).warning("alert not delivered: {}", answer.error)
    return any(answer.error is None for answer in answers)


def _sent(message: tuple[str, str], settings: Settings) -> list[Sent]:
    urls = [url.get_secret_value() for url in settings.alerts.urls]
    return send(urls, *message, timeout_s=settings.alerts.timeout_s)


def _message(batch: Sequence[Alert]) -> tuple[str, str]:
    """Write the title and the text, one line an alert."""
    told = [f"{alert.kind}: {alert.subject}: {alert.message}" for alert in batch]
    what = f"{batch[0].kind}: {batch[0].subject}" if len(batch) == 1 else f"{len(batch)} alerts"
    return f"trading_assets: {what}"[:MAX_TITLE], "\n".join(told)


@contextmanager
def _only_one(path: Path) -> Iterator[TextIO | None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield lock


def _lock_path(settings: Settings) -> Path:
    """Return the file whose lock a deliverer holds; it says so where the last delivery failed."""
    return settings.root / "var" / ".alerts.lock"


def _failed_lately(lock: Path) -> bool:
    try:
        found = lock.stat()
    except FileNotFoundError:
        return False
    return found.st_size > 0 and time.time() - found.st_mtime < PATIENCE_S
