"""How a function is compiled: once, kept on disk, and without the interpreter's lock.

Belongs here: the one decorator of numba's that we use, typed so that what it decorates still is.
Does not: what is compiled.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

Int = int | np.int64
"""An integer in compiled code, where the two are one."""

_PACKAGE: Final = Path(__file__).resolve().parent
_SOURCES: Final = (
    "compiled.py",
    "limits.py",
    "raw/messages.py",
    "raw/units.py",
    "raw/decoding/*.py",
    "raw/rebuilding/*.py",
    "features/flow.py",
    "features/grid.py",
    "features/sums.py",
    "features/trades.py",
    "sources/simulator/*.py",
    "venues/wire.py",
)
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _cache_folder() -> str:
    """Name the folder of compiled kernels after all sources they may be made of.

    numba compares a cached kernel with its own file only, so a change in a module it inlines would go unnoticed.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _SOURCES for path in _PACKAGE.glob(pattern)):
        digest.update(path.read_bytes())
    return str(_PACKAGE / "__pycache__" / f"kernels-{digest.hexdigest()[:16]}")


if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = _cache_folder()


def compiled(function: _Function) -> _Function:
    """Compile a function that makes no array or list at its first call; the result is cached beside its file.

    So nothing in it has to be counted references to. Counting was four fifths of what the book cost: each look at an
    array in a tuple is two atomic additions. numba refuses a function that does make something. It returns numbers: of
    a part of an array, in a tuple, numba would hand back the whole array and not say so.
    """
    return cast("_Function", numba.njit(cache=True, nogil=True, _nrt=False)(function))


def allocating(function: _Function) -> _Function:
    """Compile a function that makes or changes the length of arrays or lists."""
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))


def inlined(function: _Function) -> _Function:
    """Compile a small helper into its callers."""
    return cast("_Function", numba.njit(cache=True, nogil=True, inline="always")(function))
