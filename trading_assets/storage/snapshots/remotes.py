"""Copies of a snapshot elsewhere: pushing all of it, and bringing it back.

Belongs here: what must be where. Does not: how DVC reaches a place (dvc), whether bytes are still good (verification).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trading_assets.errors import RemoteFailed
from trading_assets.storage.durability.disk_faults import disk_faults_named, raise_full
from trading_assets.storage.durability.guard import publishing
from trading_assets.storage.snapshots.dvc import because, dvc_repo, move, remote_objects
from trading_assets.storage.snapshots.manifest import TREE
from trading_assets.storage.snapshots.named import Snapshot
from trading_assets.storage.snapshots.snapshots import Snapshots

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc_data.hashfile.db import HashFileDB


@dataclass(frozen=True, slots=True)
class Transfer:
    """What was moved, and from or to where."""

    remote: str
    n_objects: int
    """Of the snapshot, the lists of files included."""
    n_moved: int


@dataclass(frozen=True, slots=True)
class Remotes:
    """The remotes of a project's DVC repository."""

    root: Path
    """The project's."""
    snapshots: Snapshots

    def push(self, snapshot: Snapshot, remote: str | None = None) -> Transfer:
        """Bring all of a snapshot to a remote, and remember that it is there once every object was seen there.

        Raises:
            RemoteFailed: there is no such remote, it did not take an object, or there is one that is nowhere here; the
                snapshot is not complete there.
            CorruptObject: an object that the remote does not have was damaged here; nothing was sent.
        """
        with self._held(snapshot) as oids:
            with self._opened(remote) as (repo, name, there):
                absent = _absent(there, oids)
                self.snapshots.cache.ensure_intact(absent)
                faults = move(repo.cache.local, there, absent, what=f"pushing to {name}") if absent else []
                if left := _absent(there, oids):
                    raise RemoteFailed(
                        f"remote {name!r} does not have {len(left):,} of the {len(oids):,} objects of snapshot "
                        f"{snapshot.name}, such as {left[0]}{because(faults)}: it is not complete there; push it "
                        "again, and if that does not help, `trading-assets verify` says which are missing here"
                    )
            self.snapshots.mark_complete(snapshot, name)
        return Transfer(name, len(oids), len(absent))

    def pull(self, snapshot: Snapshot, remote: str | None = None) -> Transfer:
        """Bring what is missing here of a snapshot back from a remote, into the store and DVC's cache.

        Each file's bytes are compared with its name before it counts.

        Raises:
            RemoteFailed: there is no such remote, or it does not have an object, or only a damaged one.
            CorruptObject: what the store no longer has was damaged in DVC's cache.
        """
        cache = self.snapshots.cache
        with self._held(snapshot) as oids:
            with self._opened(remote) as (repo, name, there):
                absent = [oid for oid in oids if not cache.path(oid).exists()]
                what = f"pulling from {name}"
                faults = move(there, repo.cache.local, absent, what=what, verify=True) if absent else []
            if left := [oid for oid in absent if not cache.path(oid).exists()]:
                raise_full(faults)
                raise RemoteFailed(
                    f"remote {name!r} has no good copy of {len(left):,} of the {len(oids):,} objects of snapshot "
                    f"{snapshot.name}, such as {left[0]}{because(faults)}"
                )
            cache.give_back(oid for oid in oids if not oid.endswith(TREE))
        return Transfer(name, len(oids), len(absent))

    @contextmanager
    def _opened(self, remote: str | None) -> Iterator[tuple["Repo", str, "HashFileDB"]]:
        with (
            dvc_repo(self.root, self.snapshots.cache) as repo,
            remote_objects(repo, remote) as (name, there),
        ):
            yield repo, name, there

    @contextmanager
    def _held(self, snapshot: Snapshot) -> Iterator[list[str]]:
        """Name in DVC's cache all of a snapshot that is here; yield everything that it should have."""
        root, cache = self.snapshots.lake.store.root, self.snapshots.cache
        with disk_faults_named(root, f"snapshot {snapshot.name}"), cache.only_writer(), publishing(root):
            yield self.snapshots.hold(snapshot)


def _absent(there: "HashFileDB", oids: Iterable[str]) -> list[str]:
    """Ask a remote, and no memory of it, for what it does not have."""
    wanted = set(oids)
    return sorted(wanted.difference(there.oids_exist(wanted)))
