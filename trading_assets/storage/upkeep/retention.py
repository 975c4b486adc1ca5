"""What may be removed after some days, and its removal while others publish.

An object goes when nothing that stands, no snapshot and no model is it or was made from it, it ceased to stand long
enough ago, and no step that began before that is still running, which may have read it. It is looked at again under the
lock that keeps publications out (guard), written down, and only then removed: a crash leaves an object that was said to
be gone, which is harmless.

Belongs here: objects and refused files.
Does not: Dagster's runs (orchestration/upkeep/event_log), what is due (orchestration/upkeep/tidy).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trading_assets.storage.catalog import TicketRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.guard import removing
from trading_assets.storage.lake import Lake
from trading_assets.storage.ownership import ensure_own, name_of
from trading_assets.storage.snapshots.cache import Cache
from trading_assets.storage.upkeep.audit import TIDY, write_down_all
from trading_assets.storage.upkeep.quarantine import Quarantine, Refused, State
from trading_assets.storage.upkeep.references import published, superseded

BATCH: Final = 256
"""Objects that are removed while publications wait."""
_MD5: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Removable:
    """Something that nobody needs any more."""

    kind: str
    """`object`, `refused file` or `run`."""
    name: str
    """The object's md5, the refusal's ticket, the run's id."""
    what: str
    n_bytes: int

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return f"{self.kind} {self.name}"


def disk_bytes(path: Path) -> int:
    """Return what removing a file would free, which is whole blocks; 0 where it is gone."""
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0


def objects(lake: Lake) -> Iterator[tuple[str, Path]]:
    """Find every object of the store with its md5; what is named otherwise is not ours to remove."""
    for path in (lake.store.root / "store" / "files" / "md5").glob("??/*"):
        md5 = path.parent.name + path.name
        if _MD5.fullmatch(md5):
            yield md5, path


def removable_objects(lake: Lake, before: datetime) -> list[Removable]:
    """Find objects that nothing needs since before a moment, and those to which nothing refers at all.

    Raises:
        ForeignLake: the lake is another catalogue's, which may refer to them.
    """
    root = lake.store.root
    with disk_faults_named(root, "a look for what may go"):
        lake.store.sweep()
    name, since, old, known = query(
        lake.engine,
        lambda session: (
            name_of(session.connection(), root),
            _begun(session, lake.store.living()),
            superseded(session),
            published(session),
        ),
    )
    before = min([before, *since])
    found = []
    for md5, path in objects(lake):
        if md5 in known:
            row = old.get(md5)
            if row is None or row.since >= before:
                continue
            what = f"{row.was}, superseded {row.since:%Y-%m-%d}"
        elif _touched(path) < before:
            what = f"never published: of an experiment, or left by a crash {_touched(path):%Y-%m-%d}"
        else:
            continue
        found.append(Removable("object", md5, what, disk_bytes(path)))
    if found:
        ensure_own(root, name, is_empty=not known)
    return sorted(found, key=lambda each: each.what)


def remove_objects(lake: Lake, chosen: Sequence[Removable], before: datetime, *, actor: str) -> list[Removable]:
    """Remove those of the chosen objects that still nothing needs; return them.

    Raises:
        DiskFull, DiskFailed: the disk did not take the record of it, or does not let go of an object.
    """
    gone, root = [], lake.store.root
    for first in range(0, len(chosen), BATCH):
        wanted = {each.name for each in chosen[first : first + BATCH]}
        with disk_faults_named(root, "a collection"), removing(root):
            batch = [each for each in removable_objects(lake, before) if each.name in wanted]
            acts = [(each.subject, each.what) for each in batch]
            write_down_all(lake.engine, acts, TIDY, actor=actor, effect=Effect.REMOVAL_COMMITTED)
            for each in batch:
                effects.passing(Effect.OBJECT_REMOVED)
                Cache(lake.store).path(each.name).unlink(missing_ok=True)
                lake.store.object_path(each.name).unlink(missing_ok=True)
        gone += batch
    return gone


def removable_refusals(lake: Lake, before: datetime) -> list[Removable]:
    """Find what was refused before a moment and still has files, undecided or not; one entry a ticket."""
    by_ticket: dict[int, list[Refused]] = {}
    for each in Quarantine(lake).find():
        by_ticket.setdefault(each.ticket_id, []).append(each)
    return [
        Removable("refused file", str(ticket), f"{files[0].step} {files[0].partition}, {files[0].state}", n_bytes)
        for ticket, files in by_ticket.items()
        if files[0].refused_at < before and (n_bytes := sum(map(_bytes_of, files)))
    ]


def remove_refusals(lake: Lake, chosen: Sequence[Removable], *, actor: str) -> list[Removable]:
    """Remove the files of refusals; what was accepted stays published, and only its report goes."""
    quarantine = Quarantine(lake)
    for each in chosen:
        files = quarantine.of_ticket(int(each.name))
        if files[0].state is State.ACCEPTED:
            write_down_all(lake.engine, [(each.subject, each.what)], TIDY, actor=actor)
            for file in files:
                file.path.unlink(missing_ok=True)
                file.report.unlink(missing_ok=True)
        else:
            quarantine.drop(int(each.name), actor=actor, reason=each.what, act=TIDY)
    return list(chosen)


def _bytes_of(refused: Refused) -> int:
    return disk_bytes(refused.path) + disk_bytes(refused.report)


def _begun(session: Session, living: set[str]) -> list[datetime]:
    """Return when the oldest of the living tickets was taken: it may have read what stood then."""
    tickets = {int(name.partition("-")[0]) for name in living}
    oldest = session.scalar(select(func.min(TicketRow.taken_at)).where(TicketRow.id.in_(tickets)))
    return [oldest] if oldest else []


def _touched(path: Path) -> datetime:
    """Return when a file was last written, sealed or renamed."""
    status = path.stat()
    return datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)
