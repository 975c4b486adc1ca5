"""Memory handed back to the system: what one step took does not add to what the next one takes.

Belongs here: switches of the two allocators, NumPy's and Polars's. Where a system has others, they do nothing.
Does not: how much a step takes.

Left alone, glibc learns from each large array that is freed to carve the next ones out of its heaps, up to 32 MiB.
Those heaps then have holes of all sizes, and grow with the length of a day though no more is held at once. Polars has
jemalloc keep what was freed for half a second and more: what a run takes then hangs on how fast it is.

Source: mallopt(3), malloc_trim(3); jemalloc(3), opt.dirty_decay_ms and opt.muzzy_decay_ms.
"""

import ctypes
import os
from functools import cache
from typing import Any, Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 4 * 2**20
"""Blocks of rows and windows of messages are larger, chunks of a capture are not: mapping each of those costs time."""
JEMALLOC: Final = ("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
"""A tenth of a second: what is freed and taken again in a loop stays, at 0 features take half as long again."""


def keep_little() -> None:
    """Have Polars hand back soon what it does not use, unless the user says otherwise; before Polars is imported.

    For a process that works on whole days: one that computes a little again and again is up to a fifth slower.
    """
    os.environ.setdefault(*JEMALLOC)


def hand_back() -> None:
    """Return to the system what is free now, and from now on each large array when it is freed."""
    if (libc := _libc()) is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.malloc_trim(0)


@cache
def _libc() -> Any:  # noqa: ANN401 - what ctypes makes of a library has no type
    """Return glibc; None where the process runs on another."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
