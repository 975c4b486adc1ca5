"""Capture files in and out: the whole of one in memory, and what is written appears when it is whole.

Belongs here: reading all lines, packing, writing aside, refusing to write over what is read.
Does not: what happens to the lines in between (damage).
"""

import gzip
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import zstandard

from trading_assets.errors import ImpossibleFaults, NotACapture
from trading_assets.sources.reader import CaptureReader, Fragment

MAX_BYTES: Final = 2**30
"""Uncompressed size of a capture that is still damaged: all of it is held in memory, about three times over."""
_MAX_LINE_BYTES: Final = 8 * 2**20
_GZIP_LEVEL: Final = 1
_ZSTD_LEVEL: Final = 3


def read_lines(path: Path) -> list[bytes]:
    """Return the lines of a sound capture, each with its line feed.

    Raises:
        NotACapture: there is no such file, it is empty, damaged or too large: its truth could not be told.
    """
    reader = CaptureReader(path, max_line_bytes=_MAX_LINE_BYTES)
    parts: list[bytes] = []
    size = 0
    for piece in reader.pieces():
        parts.append(piece.data if isinstance(piece, Fragment) else piece)
        size += len(parts[-1])
        if size > MAX_BYTES:
            raise NotACapture(f"{path} holds more than {MAX_BYTES >> 30} GiB of lines: damage a part of it")
    if reader.damage is not None:
        raise NotACapture(f"{path} is damaged already ({reader.damage}): faults are laid over a sound recording")
    if not size:
        raise NotACapture(f"{path} is empty: name a recording")
    lines = io.BytesIO(b"".join(parts)).readlines()  # cut at line feeds only: a carriage return belongs to its line
    return [*lines[:-1], lines[-1].removesuffix(b"\n") + b"\n"]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file aside, and rename it into place once it is durable: there is never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def packed(lines: Iterable[bytes], name: str) -> bytes:
    """Return the lines as the file's name asks for: `.gz`, `.zst`, else plain. Equal lines make equal bytes."""
    data = b"".join(lines)
    if name.endswith(".gz"):
        return gzip.compress(data, _GZIP_LEVEL, mtime=0)
    if name.endswith(".zst"):
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(data)
    return data


def require_apart(sources: Iterable[Path], targets: Iterable[Path]) -> None:
    """Refuse targets that are one of the sources, under whatever name, or one another.

    Raises:
        ImpossibleFaults: the first target that would be written over something that is needed.
    """
    taken = list(sources)
    for target in targets:
        for path in taken:
            if target.resolve() == path.resolve() or (target.exists() and path.exists() and target.samefile(path)):
                raise ImpossibleFaults(f"{target} would be written over {path}: name another file")
        taken.append(target)
