"""The canonical encoding of a capture: the same lines make the same bytes, however they arrive.

Belongs here: one zstd frame with a checksum and no content size, written aside and renamed into place.
Does not: which lines, and in which order (landing, merger).
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

import zstandard

_ASIDE: Final = ".capture-{}.tmp"


def clear_leftovers(folder: Path) -> None:
    """Remove what killed writers left aside in `folder`; a living one holds a lock on its file."""
    for path in folder.glob(_ASIDE.format("*")):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def encoder(zstd_level: int) -> zstandard.ZstdCompressor:
    """Return what makes the one frame of a capture, by its `compressobj`."""
    return zstandard.ZstdCompressor(level=zstd_level, write_checksum=True, write_content_size=False, threads=0)


class CanonicalWriter:
    """A capture being written aside as `folder/.capture-….tmp`; nothing is named until `publish_as`.

    Args:
        folder: an existing directory on the file system that the capture will stay on.
        zstd_level: compression level; equal lines at equal levels are equal bytes.
    """

    SLICE_BYTES: Final = 2**20
    """The encoder is fed slices of one size, so that its output cannot depend on how lines came in."""

    def __init__(self, folder: Path, *, zstd_level: int) -> None:
        self.n_lines = 0
        self.n_bytes = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._encoder = encoder(zstd_level).compressobj()
        self._waiting = bytearray()
        self._ends_line = True
        self._temporary = folder / _ASIDE.format(secrets.token_hex(8))
        self._file = self._temporary.open("xb")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @property
    def md5(self) -> str:
        """The md5 of the lines written so far, uncompressed."""
        return self._md5.hexdigest()

    def write(self, data: bytes, n_lines: int) -> None:
        """Append bytes in which `n_lines` lines end, or begin their last part."""
        self._md5.update(data)
        self.n_lines += n_lines
        self.n_bytes += len(data)
        self._waiting += data
        if data:
            self._ends_line = data.endswith(b"\n")
        n_ready = len(self._waiting) - len(self._waiting) % self.SLICE_BYTES
        for start in range(0, n_ready, self.SLICE_BYTES):
            self._file.write(self._encoder.compress(bytes(self._waiting[start : start + self.SLICE_BYTES])))
        del self._waiting[:n_ready]

    def end_line(self) -> None:
        """Add the line feed that the last line lacks, if it does: the one change ever made to a line."""
        if not self._ends_line:
            self.write(b"\n", 0)

    def finish(self) -> None:
        """Write what waits and make it durable; the content is complete, not yet named."""
        self.end_line()
        self._file.write(self._encoder.compress(bytes(self._waiting)))
        self._file.write(self._encoder.flush())
        self._waiting.clear()
        self._file.flush()
        os.fsync(self._file.fileno())

    def publish_as(self, path: Path) -> None:
        """Rename the finished capture into place, over an older one of that name, durably."""
        self._temporary.replace(path)
        self._file.close()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Remove what was written aside; nothing to do once it was published."""
        with contextlib.suppress(OSError):  # closing flushes: a full disk fails again, and the file goes anyway
            self._file.close()
        self._temporary.unlink(missing_ok=True)
