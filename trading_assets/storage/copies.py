"""The places that have copies of objects: the store, DVC's cache, and remotes.

Belongs here: reading and replacing one copy in each. Does not: whether it is good (verification).
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from trading_assets.storage.durability.folders import make_folder, sync_folders
from trading_assets.storage.snapshots.cache import Cache
from trading_assets.storage.snapshots.manifest import TREE
from trading_assets.storage.store import READ_ONLY, Store

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB


@dataclass(frozen=True, slots=True)
class Named:
    """An object that the catalogue names."""

    oid: str
    """Its md5; with `.dir` behind it, of a list of files."""
    what: str
    n_bytes: int
    is_needed: bool
    """Whether something that stands, a snapshot or a model refers to it: else retention may have removed it."""


class Copies(Protocol):
    """A place."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def expects(self, named: Named) -> bool:
        """Tell whether an object that is not there is missed."""
        ...

    def open(self, oid: str) -> BinaryIO:
        """Open a copy; FileNotFoundError where there is none."""
        ...

    def replace(self, oid: str, good: Path) -> None:
        """Put verified bytes in the place of a copy, whole or not at all; the file may be used up."""
        ...


@dataclass(frozen=True, slots=True)
class StoreCopies:
    """The store, which readers read."""

    store: Store
    name: str = "store"

    def expects(self, named: Named) -> bool:
        """Everything that is needed."""
        return named.is_needed

    def open(self, oid: str) -> BinaryIO:
        """Open the object that readers get."""
        return self.store.object_path(oid).open("rb")

    def replace(self, oid: str, good: Path) -> None:
        """Rename a synced copy over it."""
        _named(_copied(good), self.store.object_path(oid), self.store.root)


@dataclass(frozen=True, slots=True)
class CacheCopies:
    """DVC's cache: mostly second names of the store's files."""

    cache: Cache
    name: str = "DVC's cache"

    def expects(self, named: Named) -> bool:  # noqa: ARG002 - the protocol's signature
        """Nothing: whoever needs it there puts it there."""
        return False

    def open(self, oid: str) -> BinaryIO:
        """Open what DVC would read."""
        return self.cache.path(oid).open("rb")

    def replace(self, oid: str, good: Path) -> None:
        """Name the store's file again, which was healed before; of a list, a copy."""
        path = self.cache.path(oid)
        if oid.endswith(TREE):
            _named(_copied(good), path, self.cache.store.root)
            return
        aside = good.with_name(f"{good.name}.again")
        aside.unlink(missing_ok=True)
        aside.hardlink_to(self.cache.store.object_path(oid))
        _named(aside, path, self.cache.store.root)


@dataclass(frozen=True, slots=True)
class RemoteCopies:
    """A remote of DVC's."""

    name: str
    objects: "HashFileDB"
    complete: Collection[str]
    """Everything that the snapshots name which were seen to be complete there."""

    def expects(self, named: Named) -> bool:
        """What a snapshot names that is complete there."""
        return named.oid in self.complete

    def open(self, oid: str) -> BinaryIO:
        """Open the remote's copy; its bytes come as they are read."""
        return cast("BinaryIO", self.objects.fs.open(self.objects.oid_to_path(oid), "rb"))

    def replace(self, oid: str, good: Path) -> None:
        """Upload over it, as DVC uploads."""
        from dvc_objects.fs.local import localfs  # noqa: PLC0415 - DVC is slow to import

        self.objects.add(str(good), localfs, oid, check_exists=False)


def _copied(good: Path) -> Path:
    """Make a second file of verified bytes, read-only and synced."""
    aside = good.with_name(f"{good.name}.copy")
    aside.unlink(missing_ok=True)
    with good.open("rb") as source, aside.open("wb") as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)
        os.fchmod(target.fileno(), READ_ONLY)
        target.flush()
        os.fsync(target.fileno())
    return aside


def _named(aside: Path, path: Path, root: Path) -> None:
    make_folder(path.parent)
    aside.replace(path)
    sync_folders([path], root)
