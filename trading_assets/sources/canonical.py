"""Whether a capture is in the canonical encoding already, so that it need not be encoded again.

Belongs here: comparing a file with what the encoder would have written. Does not: the encoder (writer).
"""

from pathlib import Path
from typing import Final

from trading_assets.sections import CaptureSettings
from trading_assets.sources.reader import CaptureReader
from trading_assets.sources.writer import CanonicalWriter, encoder

LOOKED_AT: Final = 4 * 2**20
"""Bytes of lines that are encoded again: the rest of a file that begins like that is ours as well."""


def is_canonical(path: Path, settings: CaptureSettings) -> bool:
    """Tell whether a capture begins as the encoder would have begun it, or, if it is short, is what it would have made.

    Raises:
        NotACapture: there is no such regular file, or it may not be read.
    """
    reader = CaptureReader(path, max_line_bytes=settings.max_line_bytes, chunk_bytes=CanonicalWriter.SLICE_BYTES)
    encoding = encoder(settings.zstd_level).compressobj()
    waiting, made, n_read, ends_line = b"", b"", 0, True
    is_whole = True
    for block in reader.blocks():
        waiting += block
        while len(waiting) >= CanonicalWriter.SLICE_BYTES:
            made += encoding.compress(waiting[: CanonicalWriter.SLICE_BYTES])
            waiting = waiting[CanonicalWriter.SLICE_BYTES :]
        n_read += len(block)
        ends_line = block.endswith(b"\n")
        if n_read >= LOOKED_AT:
            is_whole = False
            break
    if is_whole:
        made += encoding.compress(waiting) + encoding.flush()
        return not reader.damage and ends_line and path.read_bytes() == made
    with path.open("rb") as file:
        return bool(made) and file.read(len(made)) == made
