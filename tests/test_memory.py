import os
import platform
from pathlib import Path

import pytest

from trading_assets.memory import hand_back


# `malloc_trim`, which hands memory back, is a call of glibc's alone; elsewhere `hand_back` does nothing
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator, which is left alone")
def test_what_was_freed_is_handed_back() -> None:
    held = [bytes(100_000) for _ in range(3_000)]  # small enough to be carved out of one heap
    pins = held[::100]
    full_kb = _resident_kb()
    held.clear()
    kept_kb = _resident_kb()

    hand_back()

    assert len(pins) == 30
    assert full_kb - _resident_kb() > 200_000, kept_kb


def _resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
