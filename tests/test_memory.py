import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from trading_assets.memory import hand_back

A_COMMAND_THEN_POLARS = """
import os
from trading_assets.cli.main import main
try:
    main()
finally:
    import polars
    print(os.environ["_RJEM_MALLOC_CONF"])
"""


@pytest.mark.parametrize("said", [None, "dirty_decay_ms:7"])
def test_a_command_has_polars_keep_little_unless_the_user_says_otherwise(said: str | None) -> None:
    own = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    environment = own if said is None else {**own, "_RJEM_MALLOC_CONF": said}
    command = [sys.executable, "-c", A_COMMAND_THEN_POLARS, "--help"]

    told = subprocess.check_output(command, env=environment, text=True)

    # the last word on an option counts, and polars puts its own before what it finds
    assert told.strip().endswith(said or "dirty_decay_ms:100,muzzy_decay_ms:0")


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
