"""Memory handed back to the system: what one step took does not add to what the next one takes.

Belongs here: two switches of glibc's allocator; elsewhere they do nothing. Does not: how much a step takes.

Left alone, glibc learns from each large array that is freed to carve the next ones out of its heaps, up to 32 MiB.
Those heaps then have holes of all sizes, and grow with the length of a day though no more is held at once.

Source: mallopt(3), malloc_trim(3).
"""

import ctypes
from functools import cache
from typing import Any, Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 4 * 2**20
"""Blocks of rows and windows of messages are larger, chunks of a capture are not: mapping each of those costs time."""


def hand_back() -> None:
    """Return to the system what is free now, and from now on each large array when it is freed."""
    if (libc := _libc()) is not None:
        libc.malloc_trim(0)


@cache
def _libc() -> Any:  # noqa: ANN401 - what ctypes makes of a library has no type
    """Return glibc, told to keep large arrays apart; None where the process runs on another."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        return None
    libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    return libc
