"""The content-addressed store: immutable files named by the md5 of their bytes, laid out as DVC's cache.

Belongs here: bytes on disk, where they lie and how they survive a crash.
Does not: which object a partition points to (lake), or what the bytes mean (formats).
Source of the layout: DVC's cache directory, `files/md5/<first two digits>/<rest>`.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trading_assets.errors import CorruptObject
from trading_assets.identifiers import Partition
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.folders import make_folder, sync_folders

READ_ONLY: Final = 0o444
LOCK: Final = ".lock"
REPORT: Final = ".report.json"
WORKSPACE: Final = "workspace"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A complete, read-only, synced file that waits for its gate."""

    path: Path
    md5: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Store:
    """Objects, staging and quarantine under one root, on one file system, so that a rename is atomic."""

    root: Path

    def object_path(self, md5: str) -> Path:
        """Return where the object of this digest lies."""
        return self.root / "store" / "files" / "md5" / md5[:2] / md5[2:]

    @contextmanager
    def staging(self, name: str) -> Iterator[Path]:
        """Lend a folder that is this process's own until the block ends, then removed.

        The folder is held by a lock that the system drops with the process, so a folder whose lock can be
        taken was left by a crash; `sweep` removes those and never a living one.
        """
        folder = self.root / "staging" / name
        with ExitStack() as held:
            with self._housekeeping():
                effects.passing(Effect.STAGING_MADE)
                folder.mkdir()
                effects.passing(Effect.STAGING_LOCKED)
                lock = held.enter_context((folder / LOCK).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield folder
            finally:
                effects.passing(Effect.STAGING_REMOVED)
                shutil.rmtree(folder, ignore_errors=True)

    def living(self) -> set[str]:
        """Return the names of all staging folders; after a `sweep`, of those whose owner lives."""
        return {folder.name for folder in (self.root / "staging").iterdir() if folder.is_dir()}

    def sweep(self) -> list[str]:
        """Remove staging folders whose owner is dead; return their names."""
        with self._housekeeping() as staging:
            dead = [folder for folder in sorted(staging.iterdir()) if folder.is_dir() and _is_abandoned(folder)]
            for folder in dead:
                effects.passing(Effect.DEAD_STAGING_REMOVED)
                shutil.rmtree(folder, ignore_errors=True)
        return [folder.name for folder in dead]

    @contextmanager
    def _housekeeping(self) -> Iterator[Path]:
        """Keep others from sweeping a folder between its making and its locking."""
        staging = self.root / "staging"
        make_folder(staging)
        effects.passing(Effect.DOOR_OPENED)
        with (staging / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield staging

    def stage(self, folder: Path, name: str, write: Callable[[Path], None]) -> StagedFile:
        """Let `write` make a file in a staging folder, put it on disk for good and take its md5.

        Raises:
            OSError: the disk did not take it. It is never asked twice: after a failed sync the system takes pages
                for written that are not, so the file is lost and has to be made anew.
        """
        path = folder / name
        effects.passing(Effect.STAGED_FILE_WRITTEN)
        write(path)
        return _sealed(path)

    def workspace(self, folder: Path) -> Path:
        """Make a folder within a staging folder for what is not an output yet; it goes when the staging folder goes."""
        workspace = folder / WORKSPACE
        effects.passing(Effect.WORKSPACE_MADE)
        workspace.mkdir()
        return workspace

    def stage_made(self, folder: Path, name: str, made: Path) -> StagedFile:
        """Move a file from the staging folder's workspace to its place, put it on disk for good and take its md5.

        Raises:
            ValueError: it is no regular file of the workspace: only there does nobody else write.
            OSError: the disk did not take it, see `stage`.
        """
        if made.is_symlink() or not made.is_file() or not made.resolve().is_relative_to((folder / WORKSPACE).resolve()):
            raise ValueError(f"{made} is no file of the workspace {folder / WORKSPACE}")
        path = folder / name
        effects.passing(Effect.STAGED_FILE_MOVED)
        made.rename(path)
        return _sealed(path)

    def keep(self, *staged: StagedFile) -> None:
        """Move staged files to their addresses; equal bytes that are there already are replaced by these.

        When it returns, they are there whatever happens next: only then may a pointer name them.
        """
        paths = [self.object_path(file.md5) for file in staged]
        for file, path in zip(staged, paths, strict=True):
            make_folder(path.parent)
            effects.passing(Effect.OBJECT_NAMED)
            file.path.replace(path)
        sync_folders(paths, self.root)

    def quarantined(self, partition: Partition) -> Iterator[Path]:
        """Find the refused files of a partition, with their reports, of every asset."""
        return (self.root / "quarantine").glob(f"*/{partition.day}/{partition.instrument}/*")

    def quarantine(self, staged: StagedFile, *, relative: Path, report: str) -> Path:
        """Move a refused file out of every reader's way, its report before it; whole they are once recorded."""
        path = self.root / "quarantine" / relative
        make_folder(path.parent)
        self._named_report(staged, path.with_name(path.name + REPORT), report)
        effects.passing(Effect.REFUSED_FILE_NAMED)
        staged.path.replace(path)
        sync_folders([path], self.root)
        return path

    def _named_report(self, staged: StagedFile, path: Path, report: str) -> None:
        aside = staged.path.with_name(staged.path.name + REPORT)
        effects.passing(Effect.REPORT_WRITTEN)
        with aside.open("w") as file:
            file.write(report)
            file.flush()
            effects.passing(Effect.REPORT_SYNCED)
            os.fsync(file.fileno())
        effects.passing(Effect.REPORT_NAMED)
        aside.replace(path)

    def verified(self, md5: str) -> Path:
        """Return the object's path after comparing its bytes with its name.

        Raises:
            CorruptObject: the file is missing, or its bytes are not those that were published.
        """
        path = self.object_path(md5)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "md5").hexdigest()
        except FileNotFoundError:
            raise CorruptObject(f"object {md5} is missing from {self.root / 'store'}") from None
        if found != md5:
            raise CorruptObject(f"object {md5} has bytes of md5 {found}: it was damaged after publication")
        return path


def _sealed(path: Path) -> StagedFile:
    """Make a complete file read-only, and its bytes and mode safe."""
    with path.open("rb") as file:
        effects.passing(Effect.STAGED_FILE_SEALED)
        os.fchmod(file.fileno(), READ_ONLY)
        effects.passing(Effect.STAGED_FILE_SYNCED)
        os.fsync(file.fileno())
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    return StagedFile(path, md5, path.stat().st_size)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True
