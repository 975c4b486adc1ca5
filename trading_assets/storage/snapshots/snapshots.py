"""Take snapshots, and find them: a snapshot is a name for what stands at one moment.

Nothing is copied: objects get a second name in DVC's cache, the folders' lists of files are written there, and a row
says what the moment was. Its cost follows what changed since the snapshot before.

Belongs here: taking, finding and comparing. Does not: DVC's texts (manifest), other places (remotes, checkout).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trading_assets.errors import CorruptObject, InvalidIdentifier, NoSnapshot, NotPublished
from trading_assets.identifiers import MAX_LENGTH
from trading_assets.storage.database.transactions import query, transact
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.guard import publishing
from trading_assets.storage.lake import Lake
from trading_assets.storage.snapshots.cache import Cache
from trading_assets.storage.snapshots.history import (
    Entry,
    changed_at,
    newest_version,
    standing_at,
    stood_before,
)
from trading_assets.storage.snapshots.lists import changed_lists, lists_of
from trading_assets.storage.snapshots.manifest import (
    Out,
    Tree,
    document_of,
    md5s_of,
)
from trading_assets.storage.snapshots.named import Snapshot, as_snapshot, snapshots_of
from trading_assets.storage.snapshots.tables import SnapshotCopyRow, SnapshotRow

LATEST: Final = "latest"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Change:
    """A partition of which two snapshots name different versions; None where one of them names none."""

    asset: str
    path: str
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class Snapshots:
    """All snapshots of a lake."""

    lake: Lake

    @property
    def cache(self) -> Cache:
        """DVC's cache, which has what they name."""
        return Cache(self.lake.store)

    def take(self, *, actor: str, name: str | None = None) -> Snapshot:
        """Name what stands now; where that is what the newest snapshot names, and no name is given, return that one.

        Raises:
            InvalidIdentifier: the name cannot be one, or another snapshot has it.
            NotPublished: nothing stands.
            CorruptObject: an object that changed since the snapshot before was damaged after its publication.
            DiskFull, DiskFailed: the disk did not take it; there is no such snapshot.
        """
        root = self.lake.store.root
        with disk_faults_named(root, "a snapshot"), self.cache.only_writer(), publishing(root):
            self._ensure_free(name)
            before = self._newest()
            since = before.cut if before else 0

            def look(session: Session) -> tuple[int, list[Entry], list[Tree]]:
                cut = newest_version(session)
                gone = list(stood_before(session, since=since, until=cut))
                new = list(changed_at(session, since=since, until=cut))
                return cut, new, list(changed_lists(session, self.cache, before.outs if before else [], gone, new, cut))

            cut, new, trees = query(self.lake.engine, look)
            if not cut:
                raise NotPublished("nothing is published yet: there is nothing to take a snapshot of")
            if cut == since and before and name is None:
                return before
            self._hold(new, trees)
            outs = {out.asset: out for out in before.outs} if before else {}
            outs.update((tree.out.asset, tree.out) for tree in trees)
            return self._recorded(outs.values(), cut, actor=actor, name=name)

    def _hold(self, new: list[Entry], trees: list[Tree]) -> None:
        for md5 in {entry.md5 for entry in new}:
            self.lake.store.verified(md5)
        self.cache.hold(entry.md5 for entry in new)
        for tree in trees:
            self.cache.write(tree)
        self.cache.sync([*(entry.md5 for entry in new), *(tree.out.tree for tree in trees)])

    def _recorded(self, outs: Collection[Out], cut: int, *, actor: str, name: str | None) -> Snapshot:
        now = datetime.now(UTC)
        values = {
            "name": name or f"{now:%Y%m%dT%H%M%S.%fZ}",
            "taken_at": now,
            "taken_by": actor,
            "cut": cut,
            "n_partitions": sum(out.n_files for out in outs),
            "n_bytes": sum(out.n_bytes for out in outs),
            "text": document_of(outs),
        }

        def work(session: Session) -> SnapshotRow:
            row = session.scalar(select(SnapshotRow).filter_by(name=values["name"], taken_at=now, cut=cut))
            if row is None:
                session.add(row := SnapshotRow(**values))
            return row

        return as_snapshot(transact(self.lake.engine, work, effect=Effect.SNAPSHOT_COMMITTED), {})

    def find(self, name: str) -> Snapshot:
        """Return a snapshot by its name, or the newest by `latest`.

        Raises:
            NoSnapshot: there is none; the message names some that there are.
        """
        newest = select(SnapshotRow).order_by(SnapshotRow.id.desc())
        wanted = newest.limit(1) if name == LATEST else newest.where(SnapshotRow.name == name)
        if found := query(self.lake.engine, lambda session: snapshots_of(session, wanted)):
            return found[0]
        names = [each.name for each in query(self.lake.engine, lambda session: snapshots_of(session, newest.limit(3)))]
        known = f"the newest are {', '.join(names)}" if names else "make one with `trading-assets snapshot create`"
        raise NoSnapshot(f"there is no snapshot {name!r}: {known}")

    def all(self) -> list[Snapshot]:
        """Return all snapshots, the newest first."""
        newest = select(SnapshotRow).order_by(SnapshotRow.id.desc())
        return query(self.lake.engine, lambda session: snapshots_of(session, newest))

    def hold(self, snapshot: Snapshot) -> list[str]:
        """Name in DVC's cache all of a snapshot that the store has; return everything that it names, lists too."""
        trees = query(
            self.lake.engine,
            lambda session: lists_of(standing_at(session, snapshot.cut)),
        )
        if sorted(tree.out for tree in trees) != snapshot.outs:
            raise CorruptObject(f"the history no longer says what snapshot {snapshot.name} said when it was taken")
        md5s = {md5 for tree in trees for md5 in md5s_of(tree.content, tree.out.tree).values()}
        self.cache.hold(md5 for md5 in md5s if self.lake.store.object_path(md5).exists())
        for tree in trees:
            self.cache.write(tree)
        oids = sorted({*md5s, *(tree.out.tree for tree in trees)})
        self.cache.sync(oid for oid in oids if self.cache.path(oid).exists())
        return oids

    def entries(self, snapshot: Snapshot) -> list[Entry]:
        """Return every version that a snapshot names."""
        return query(self.lake.engine, lambda session: sorted(standing_at(session, snapshot.cut)))

    def changes(self, before: Snapshot, after: Snapshot) -> list[Change]:
        """Compare two snapshots, in a time that their difference decides; whichever of the two is older."""
        older, newer = sorted((before, after), key=lambda snapshot: snapshot.cut)
        then, now = query(
            self.lake.engine,
            lambda session: (
                {(e.asset, e.path): e for e in stood_before(session, since=older.cut, until=newer.cut)},
                {(e.asset, e.path): e for e in changed_at(session, since=older.cut, until=newer.cut)},
            ),
        )
        first, second = (then, now) if older is before else (now, then)
        keys = sorted({*then, *now})
        changes = (Change(*key, first.get(key), second.get(key)) for key in keys)
        return [each for each in changes if _md5(each.before) != _md5(each.after)]

    def complete_in(self, remote: str) -> set[str]:
        """Return everything, lists of files too, that snapshots name which were seen to be complete in a remote."""
        found: set[str] = set()
        for snapshot in self.all():
            if remote in snapshot.copies:
                found.update(entry.md5 for entry in self.entries(snapshot))
                found.update(out.tree for out in snapshot.outs)
        return found

    def mark_complete(self, snapshot: Snapshot, remote: str) -> None:
        """Remember that a remote was seen to have all of a snapshot."""
        row = {"snapshot_id": snapshot.id, "remote": remote, "complete_at": datetime.now(UTC)}
        transact(self.lake.engine, lambda session: session.merge(SnapshotCopyRow(**row)), effect=Effect.COPY_COMMITTED)

    def _newest(self) -> Snapshot | None:
        newest = select(SnapshotRow).order_by(SnapshotRow.id.desc()).limit(1)
        return next(iter(query(self.lake.engine, lambda session: snapshots_of(session, newest))), None)

    def _ensure_free(self, name: str | None) -> None:
        if name is None:
            return
        if len(name) > MAX_LENGTH or not _NAME.fullmatch(name) or name == LATEST:
            raise InvalidIdentifier(
                f"{name[:MAX_LENGTH]!r} cannot name a snapshot: letters, digits, '.', '_' and '-', "
                f"at most {MAX_LENGTH}, and not `{LATEST}`"
            )
        namesakes = select(func.count()).where(SnapshotRow.name == name)
        if query(self.lake.engine, lambda session: session.scalar(namesakes)):
            raise InvalidIdentifier(f"there is a snapshot {name!r} already: a snapshot is never rewritten")


def _md5(entry: Entry | None) -> str | None:
    return entry.md5 if entry else None
