"""Arrays in numpy's archives, a block at a time: loading one whole would need all its memory at once.

Belongs here: the archive and the array's header. Does not: what the array holds (one module a format).

Document: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trading_assets.errors import NotACapture
from trading_assets.sources.reader import open_regular

BLOCK_ROWS: Final = 65_536

_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError)
"""What reading a damaged, foreign or encrypted archive may raise."""


def array_blocks(path: Path, name: str, dtype: np.dtype[np.void]) -> Iterator[NDArray[np.void]]:
    """Yield the rows of a one-dimensional array of records.

    Args:
        path: an `.npz`.
        name: the array's name in it; an archive of a single array may call it otherwise.
        dtype: the records' fields; their order, layout and byte order in the file may differ.

    Raises:
        NotACapture: it is no such archive, damaged, or holds something else. A part of it may have been yielded.
    """
    try:
        with (
            open_regular(path) as file,
            zipfile.ZipFile(file) as archive,
            archive.open(_member(archive, name)) as array,
        ):
            yield from _blocks(array, dtype)
    except _DAMAGES as error:
        raise NotACapture(f"{path} is damaged or no numpy archive: {error}") from None


def _member(archive: zipfile.ZipFile, name: str) -> str:
    names = archive.namelist()
    wanted = f"{name}.npy"
    if wanted not in names and len(names) != 1:
        raise NotACapture(f"it holds {len(names)} arrays and none is called {name!r}")
    return wanted if wanted in names else names[0]


def _blocks(array: IO[bytes], dtype: np.dtype[np.void]) -> Iterator[NDArray[np.void]]:
    shape, found = _header(array)
    if len(shape) != 1 or found.names is None or not set(dtype.names or ()) <= set(found.names):
        raise NotACapture(f"its array has not the fields {', '.join(dtype.names or ())}")
    for name in dtype.names or ():
        if not np.can_cast(found[name], dtype[name], "equiv"):  # anything else would be rounded, or is no number
            raise NotACapture(f"its field {name} is {found[name]}, not {dtype[name]}: write it with that type")
    left = shape[0]
    while left:
        n = min(left, BLOCK_ROWS)
        data = array.read(n * found.itemsize)
        if len(data) < n * found.itemsize:
            raise EOFError("it ends before its last row")
        yield np.frombuffer(data, found).astype(dtype)
        left -= n
    array.read(1)  # the archive compares its checksum only at its end


def _header(array: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.void]]:
    version = npy.read_magic(array)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(array)
    return shape, dtype
