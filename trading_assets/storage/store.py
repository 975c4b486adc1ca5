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

READ_ONLY: Final = 0o444
LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A complete, fsynced file that waits for its gate."""

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
                folder.mkdir()
                lock = held.enter_context((folder / LOCK).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> list[str]:
        """Remove staging folders whose owner is dead; return their names."""
        with self._housekeeping() as staging:
            dead = [folder for folder in sorted(staging.iterdir()) if folder.is_dir() and _is_abandoned(folder)]
            for folder in dead:
                shutil.rmtree(folder, ignore_errors=True)
        return [folder.name for folder in dead]

    @contextmanager
    def _housekeeping(self) -> Iterator[Path]:
        """Keep others from sweeping a folder between its making and its locking."""
        staging = self.root / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        with (staging / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield staging

    def stage(self, folder: Path, name: str, write: Callable[[Path], None]) -> StagedFile:
        """Let `write` make a file in a staging folder, put it on disk for good and take its md5."""
        path = folder / name
        write(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
            md5 = hashlib.file_digest(file, "md5").hexdigest()
        return StagedFile(path, md5, path.stat().st_size)

    def keep(self, staged: StagedFile) -> Path:
        """Move a staged file to its address; equal bytes that are there already are replaced by these."""
        path = self.object_path(staged.md5)
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.path.chmod(READ_ONLY)
        staged.path.replace(path)
        _sync_folder(path.parent)
        _sync_folder(path.parent.parent)
        return path

    def quarantine(self, staged: StagedFile, *, relative: Path, report: str) -> Path:
        """Move a refused file, with its report beside it, out of every reader's way."""
        path = self.root / "quarantine" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + ".report.json").write_text(report)
        staged.path.replace(path)
        _sync_folder(path.parent)
        return path

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


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
