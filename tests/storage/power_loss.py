"""A disk that keeps only what it was told to keep: what a loss of power may leave of a folder.

A file's bytes and mode are safe as of the last `fsync` of the file, the names in a folder as of the last `fsync` of the
folder. All else may be lost or not, each by itself; the two ends of that are `Loss.ALL` (no name and no byte that was
not synced) and `Loss.BYTES` (every name is there, the bytes behind it are not: how a rename overtakes its file's data).

The catalogue is copied as it is: SQLite's own promises are not what is tested here.
"""

import os
import stat
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

CATALOGUE = "catalog.sqlite"
SHARED_MEMORY = "catalog.sqlite-shm"


class Loss(Enum):
    """What is lost of all that was not synced."""

    ALL = "all"
    BYTES = "bytes"


@dataclass
class Disk:
    """What is safe of a folder, by inode; all that is there at the start is."""

    root: Path
    files: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    """Bytes and mode."""
    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    """The inodes of the names."""
    held: dict[int, int] = field(default_factory=dict)
    """A descriptor of each inode that is known, so that its number is not given to another file."""

    def __post_init__(self) -> None:
        for path in [self.root, *self.root.rglob("*")]:
            descriptor = os.open(path, os.O_RDONLY)
            self.sync(descriptor)
            os.close(descriptor)

    def __del__(self) -> None:
        """Let go of the inodes."""
        for descriptor in self.held.values():
            os.close(descriptor)

    def sync(self, descriptor: int) -> None:
        """Make safe what a descriptor leads to, as it is now."""
        status = os.fstat(descriptor)
        if status.st_ino not in self.held:
            self.held[status.st_ino] = os.dup(descriptor)
        if stat.S_ISDIR(status.st_mode):
            names = os.listdir(descriptor)
            self.folders[status.st_ino] = {name: os.stat(name, dir_fd=descriptor).st_ino for name in names}
        else:
            content = Path(f"/proc/self/fd/{descriptor}").read_bytes()  # it may be open for writing only
            self.files[status.st_ino] = (content, stat.S_IMODE(status.st_mode))

    def survives_as(self, folder: Path, loss: Loss) -> Path:
        """Write into a new folder what a loss of power in this moment would leave."""
        self._write(self.root, self.root.stat().st_ino, folder, loss)
        return folder

    def _write(self, source: Path, inode: int, target: Path, loss: Loss) -> None:
        if source.name.startswith(CATALOGUE):
            target.write_bytes(source.read_bytes())
        elif inode in self.folders or source.is_dir():
            target.mkdir()
            for name, child in self._names(source, inode, loss).items():
                self._write(source / name, child, target / name, loss)
        else:
            content, mode = self.files.get(inode, (b"", 0o644))
            target.write_bytes(content)
            target.chmod(mode)

    def _names(self, source: Path, inode: int, loss: Loss) -> dict[str, int]:
        current = {path.name: path.stat().st_ino for path in source.iterdir()} if source.is_dir() else {}
        kept = current if loss is Loss.BYTES else self.folders.get(inode, {})
        of_catalogue = {name: child for name, child in current.items() if name.startswith(CATALOGUE)}
        return {name: child for name, child in {**kept, **of_catalogue}.items() if name != SHARED_MEMORY}
