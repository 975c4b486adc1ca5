"""A snapshot's files in `data/`, under readable names, by stock DVC; and its text in git.

What lies in `data/` are copies: whatever is done to them, the lake keeps its own.

Belongs here: the workspace. Does not: the cache that it is filled from (cache, remotes).
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trading_assets.errors import NotCommitted, RemoteFailed
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.guard import publishing
from trading_assets.storage.snapshots.dvc import clear, dvc_repo, fill, know_cache
from trading_assets.storage.snapshots.manifest import DOCUMENT, FOLDER
from trading_assets.storage.snapshots.named import Snapshot
from trading_assets.storage.snapshots.snapshots import Snapshots

_GIT_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Workspace:
    """The project's folder, where people look at files."""

    root: Path
    snapshots: Snapshots

    def check_out(self, snapshot: Snapshot, *, is_forced: bool = False) -> Path:
        """Fill `data/` with the files of a snapshot, in the place of those of the one before; return the folder.

        Args:
            snapshot: which.
            is_forced: whether files there that somebody changed may be replaced.

        Raises:
            RemoteFailed: an object is not here, or a changed file would be replaced.
            CorruptObject: an object was damaged; nothing was written.
        """
        root, cache = self.snapshots.lake.store.root, self.snapshots.cache
        faults = disk_faults_named(self.root, f"data/ of snapshot {snapshot.name}")
        with faults, cache.only_writer(), publishing(root):
            oids = self.snapshots.hold(snapshot)
            if absent := [oid for oid in oids if not cache.path(oid).exists()]:
                raise RemoteFailed(
                    f"{len(absent):,} of the {len(oids):,} objects of snapshot {snapshot.name} are not here: "
                    f"bring them back with `trading-assets snapshot pull {snapshot.name}`"
                )
            cache.ensure_intact(oids)
            with dvc_repo(self.root, cache) as repo:
                kept = {self.root / FOLDER / out.asset for out in snapshot.outs}
                clear(repo, self.root / DOCUMENT, kept, is_forced=is_forced)
                self.write_text(snapshot)
                effects.passing(Effect.WORKSPACE_FILLED)
                fill(repo, self.root / DOCUMENT, is_forced=is_forced)
        return self.root / FOLDER

    def write_text(self, snapshot: Snapshot) -> None:
        """Write the `.dvc` file of a snapshot, whole or not at all."""
        aside = self.root / f".{DOCUMENT}.{os.getpid()}"
        effects.passing(Effect.TEXT_WRITTEN)
        aside.write_text(snapshot.text)
        effects.passing(Effect.TEXT_NAMED)
        aside.replace(self.root / DOCUMENT)

    def commit(self, snapshot: Snapshot) -> str:
        """Write the `.dvc` file of a snapshot to git, and nothing else; return the commit that has it.

        Raises:
            NotCommitted: git does not do it, with its own words.
        """
        know_cache(self.root, self.snapshots.cache)
        self.write_text(snapshot)
        try:
            self._git("add", "--", DOCUMENT)
            if self._git("status", "--porcelain", "--", DOCUMENT):
                self._git("commit", "--quiet", "--only", "--message", f"Snapshot {snapshot.name}", "--", DOCUMENT)
            return self._git("log", "-1", "--format=%H", "--", DOCUMENT)
        except NotCommitted as error:
            raise NotCommitted(
                f"{error}; the snapshot is taken and {DOCUMENT} written: once git is put right, "
                f"`git add {DOCUMENT} && git commit` does it"
            ) from None

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_TIMEOUT_S)  # noqa: S603 - our own arguments, no shell
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotCommitted(f"git: {error}") from None
        if done.returncode:
            raise NotCommitted(f"git: {' '.join((done.stderr or done.stdout).split())}")
        return done.stdout.strip()
