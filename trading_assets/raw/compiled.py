"""How a function is compiled: once, kept on disk, and without the interpreter's lock.

Belongs here: the one decorator of numba's that we use, typed so that what it decorates still is.
Does not: what is compiled.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Int = int | np.int64
"""An integer in compiled code, where the two are one."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function at its first call; the result is cached beside its file."""
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))


def inlined(function: _Function) -> _Function:
    """Compile a small helper into its callers, which spares them counting references to its arguments."""
    return cast("_Function", numba.njit(cache=True, nogil=True, inline="always")(function))
