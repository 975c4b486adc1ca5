"""Start-up: importing the definitions beside Dagster alone, and the command line from a cold start.

Belongs here: processes that are begun anew each time. Does not: work inside one (race).
"""

import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.race import Result

COMMANDS: Final = {
    "definitions": (
        ("import trading_assets.definitions", ("-c", "import trading_assets.definitions")),
        ("import dagster", ("-c", "import dagster")),
    ),
    "cold_start": (
        ("trading-assets --help", ("-m", "trading_assets.cli.main", "--help")),
        ("dagster --help", ("-m", "dagster", "--help")),
        ("python -c pass", ("-c", "pass")),
    ),
}
TITLES: Final = {"definitions": "definitions load", "cold_start": "cold start of the command line"}


def measure(name: str, python: Path, *, rounds: int) -> list[Result]:
    """Start each process `rounds` times by turns, once more before; the interpreter's own start is part of it."""
    commands = COMMANDS[name]
    results = [Result(label) for label, _ in commands]
    for n in range(rounds + 1):
        for result, (_, words) in zip(results, commands, strict=True):
            start = time.perf_counter()
            subprocess.run([str(python), *words], check=True, capture_output=True)  # noqa: S603 - our own interpreter
            if n:
                result.seconds.append(time.perf_counter() - start)
    return results
