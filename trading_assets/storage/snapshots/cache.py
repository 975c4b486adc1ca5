"""DVC's cache beside the store: the same files under second names, so that stock `dvc` works on what snapshots name.

DVC removes files of its cache: on request (`dvc gc`), and where it thinks that they are damaged. So its cache is not
the store: an object has a name in each, and DVC can only remove its own. A second name costs no second copy.

Belongs here: names in the cache. Does not: which objects are named (snapshots), what comes from elsewhere (remotes).
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trading_assets.errors import CorruptObject
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.folders import make_folder, sync_folders
from trading_assets.storage.snapshots.manifest import TREE, Out, Tree
from trading_assets.storage.store import READ_ONLY, Store

EXPERIMENTS: Final = "experiments"
"""The folder of names for what experiments made."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of second names; the one that is DVC's `cache.dir`, unless it is named otherwise."""

    store: Store
    name: str = "cache"

    @property
    def folder(self) -> Path:
        """Where it lies: on the store's file system."""
        return self.store.root / self.name

    def path(self, oid: str) -> Path:
        """Return where DVC looks for an object, or for a list of files by its md5 and `.dir`."""
        return self.folder / "files" / "md5" / oid[:2] / oid[2:]

    @contextmanager
    def only_writer(self) -> Iterator[None]:
        """Keep other writers of snapshots out; the system drops the lock with its process."""
        make_folder(self.folder)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def hold(self, md5s: Iterable[str]) -> None:
        """Name objects of the store here too; those that are named stay as they are."""
        for md5 in sorted(set(md5s)):
            path = self.path(md5)
            if not path.exists():
                make_folder(path.parent)
                effects.passing(Effect.OBJECT_NAMED_AGAIN)
                path.hardlink_to(self.store.object_path(md5))

    def give_back(self, md5s: Iterable[str]) -> None:
        """Name in the store what only the cache has: the other way round, after it came from elsewhere.

        Raises:
            CorruptObject: what the cache has are not the bytes that its name promises; nothing was named.
        """
        missing = [md5 for md5 in sorted(set(md5s)) if not self.store.object_path(md5).exists()]
        self.ensure_intact(missing)
        paths = [self.store.object_path(md5) for md5 in missing]
        for md5, path in zip(missing, paths, strict=True):
            make_folder(path.parent)
            self.path(md5).chmod(READ_ONLY)
            effects.passing(Effect.OBJECT_GIVEN_BACK)
            path.hardlink_to(self.path(md5))
        sync_folders(paths, self.store.root)

    def ensure_intact(self, oids: Iterable[str]) -> None:
        """Compare those of some objects that are here with their names: DVC takes a read-only file for a good one.

        Raises:
            CorruptObject: one was damaged; the message names the command that heals it.
        """
        for oid in sorted(set(oids)):
            with suppress(FileNotFoundError), self.path(oid).open("rb") as file:
                found = hashlib.file_digest(file, "md5").hexdigest()
                if found != oid.removesuffix(TREE):
                    raise CorruptObject(
                        f"object {oid} has bytes of md5 {found}: it was damaged after publication; heal it from a "
                        "remote with a good copy: `trading-assets verify --repair --remote NAME`"
                    )

    def read(self, out: Out) -> Tree:
        """Read a list of files as it lies there, damaged or not; FileNotFoundError where it is gone."""
        return Tree(out, self.path(out.tree).read_bytes())

    def write(self, tree: Tree) -> None:
        """Write a list of files; one that is there already is replaced by the same bytes."""
        path = self.path(tree.out.tree)
        make_folder(path.parent)
        aside = self.folder / f"{tree.out.tree}.{os.getpid()}"
        effects.passing(Effect.LIST_WRITTEN)
        with aside.open("wb") as file:
            file.write(tree.content)
            os.fchmod(file.fileno(), READ_ONLY)
            file.flush()
            effects.passing(Effect.LIST_SYNCED)
            os.fsync(file.fileno())
        effects.passing(Effect.LIST_NAMED)
        aside.replace(path)

    def sync(self, oids: Iterable[str]) -> None:
        """Make names safe from a loss of power."""
        sync_folders([self.path(oid) for oid in oids], self.store.root)
