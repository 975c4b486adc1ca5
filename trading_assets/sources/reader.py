"""Recorded files in: any file as pieces of whole lines, in bounded memory whatever it holds.

Belongs here: opening, decompressing and cutting a capture at line ends; noticing that it is damaged.
Does not: what a line says (lines, origins) and where it goes (landing, merger).
"""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard
from isal import isal_zlib

from trading_assets.errors import NotACapture
from trading_assets.raw.messages import OverlongLine

CHUNK_BYTES: Final = 2**20
"""About the size at which a chunk still fits in the processor's cache: larger ones were a quarter slower to read."""
PREFIX_BYTES: Final = 64 * 2**10
"""How much of an overlong line is kept: what a dead letter keeps of any line."""

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = tuple(bytes([n, 0x2A, 0x4D, 0x18]) for n in range(0x50, 0x60))
_MAGIC_BYTES: Final = 4
_MAX_WINDOW: Final = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a line that is longer than the reader's limit; the parts of one line follow one another."""

    data: bytes
    is_first: bool
    is_last: bool


class CaptureReader:
    """A capture, cut at line ends: plain, gzip or zstd by its first bytes, of any number of members or frames.

    Iterate once, by `pieces`, by `chunks` or by `blocks`. Afterwards `damage` is None or says in one sentence why what
    was read is not all that the file should hold; what could be read was handed over first.

    Args:
        path: a regular file.
        max_line_bytes: a longer line is handed over in fragments, or as an `OverlongLine`.
        chunk_bytes: about how much is handed over at once.
    """

    def __init__(self, path: Path, *, max_line_bytes: int, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.damage: str | None = None
        self._path = path
        self._max_line_bytes = max_line_bytes
        self._chunk_bytes = chunk_bytes

    def pieces(self) -> Iterator[bytes | Fragment]:
        """Yield whole lines by the chunk, and overlong lines in fragments: together every byte, in order.

        Only the last piece may lack its line feed.

        Raises:
            NotACapture: there is no such regular file, or it may not be read.
        """
        kept = b""
        inside = False  # an overlong line whose end was not seen yet
        for block in self.blocks():
            rest = block
            if inside:
                head, line_feed, rest = block.partition(b"\n")
                yield Fragment(head + line_feed, is_first=False, is_last=bool(line_feed))
                inside = not line_feed
            end = rest.rfind(b"\n") + 1
            if end:
                yield from self._whole_lines(b"".join((kept, memoryview(rest)[:end])))
                kept = rest[end:]
            else:
                kept += rest
            if len(kept) > self._max_line_bytes:
                yield Fragment(kept, is_first=True, is_last=False)
                kept, inside = b"", True
        if inside:
            yield Fragment(b"", is_first=False, is_last=True)
        elif kept:
            yield kept

    def chunks(self) -> Iterator[bytes | OverlongLine]:
        """Yield whole lines by the chunk, and of each overlong line its first bytes and its length.

        Raises:
            NotACapture: there is no such regular file, or it may not be read.
        """
        prefix, n_bytes = b"", 0
        for piece in self.pieces():
            if isinstance(piece, bytes):
                yield piece
                continue
            prefix = piece.data[:PREFIX_BYTES] if piece.is_first else prefix
            n_bytes = len(piece.data) + (0 if piece.is_first else n_bytes)
            if piece.is_last:
                yield OverlongLine(prefix, n_bytes)

    def _whole_lines(self, lines: bytes) -> Iterator[bytes | Fragment]:
        """Cut out the lines over the limit; a chunk no longer than the limit cannot hold one."""
        start = at = 0
        while len(lines) - at > self._max_line_bytes:
            last = lines.rfind(b"\n", at, at + self._max_line_bytes) + 1
            if last > at:
                at = last
                continue
            end = lines.index(b"\n", at) + 1
            if at > start:
                yield lines[start:at]
            yield Fragment(lines[at:end], is_first=True, is_last=True)
            start = at = end
        if start < len(lines):
            yield lines[start:]

    def blocks(self) -> Iterator[bytes]:
        """Yield the decompressed bytes, gathered into blocks of about one size, wherever lines end.

        Raises:
            NotACapture: there is no such regular file, or it may not be read.
        """
        parts: list[bytes] = []
        size = 0
        for part in self._parts():
            parts.append(part)
            size += len(part)
            if size >= self._chunk_bytes:
                yield b"".join(parts)
                parts, size = [], 0
        if size:
            yield b"".join(parts)

    def _parts(self) -> Iterator[bytes]:
        with open_regular(self._path) as file:
            magic = file.read(_MAGIC_BYTES)
            file.seek(0)
            if magic.startswith(_GZIP):
                yield from self._inflated(file, _GZIP_CODEC)
            elif magic == _ZSTD or magic in _ZSTD_SKIPPABLE:
                yield from self._inflated(file, _ZSTD_CODEC)
            else:
                while block := file.read(self._chunk_bytes):
                    yield block

    def _inflated(self, file: BinaryIO, codec: "_Codec") -> Iterator[bytes]:
        """Decompress slice by slice: so small that even a bomb's slice fits in memory."""
        stream, is_fresh = codec.start(), True
        while block := file.read(codec.slice_bytes):
            while block:
                if is_fresh and codec.may_be_padded and not (block := block.lstrip(b"\0")):
                    break
                try:
                    part = stream.decompress(block)
                except codec.errors as error:
                    self.damage = f"the {codec.name} data is corrupt: {error}"
                    return
                if part:
                    yield part
                is_fresh = stream.eof
                block = stream.unused_data if is_fresh else b""
                stream = codec.start() if is_fresh else stream
        if not is_fresh:
            self.damage = f"the {codec.name} data ends before its end mark: the file is cut off"


def read_chunks(path: Path, *, max_line_bytes: int, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes | OverlongLine]:
    """Yield a capture's lines by the chunk, for a caller to whom damage does not matter (or was checked).

    Raises:
        NotACapture: there is no such regular file, or it may not be read.
    """
    return CaptureReader(path, max_line_bytes=max_line_bytes, chunk_bytes=chunk_bytes).chunks()


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read, and nothing else: a pipe may block and a device may never end.

    Raises:
        NotACapture: there is no such regular file, or it may not be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a directory" if path.is_dir() else "not a regular file"
            raise NotACapture(f"{path} is {what}: name a capture file (plain, gzip or zstd)")
        return path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotACapture(f"{path} cannot be read: {reason}") from None


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Codec:
    name: str
    start: Callable[[], _Stream]
    errors: tuple[type[Exception], ...]
    slice_bytes: int
    may_be_padded: bool  # gzip tools write and skip zero bytes after a member


_GZIP_CODEC: Final = _Codec(
    "gzip",
    lambda: isal_zlib.decompressobj(31),
    (isal_zlib.error,),  # type: ignore[arg-type]  # its stub calls the class an instance
    4096,  # at most 4 MiB come out: deflate reaches 1:1032
    may_be_padded=True,
)
_ZSTD_CODEC: Final = _Codec(
    "zstd",
    lambda: zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj(),
    (zstandard.ZstdError, MemoryError),
    1024,  # at most 32 MiB come out: a block of four bytes can stand for 128 KiB
    may_be_padded=False,
)
