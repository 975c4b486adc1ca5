"""How long the definitions take to import, beside Dagster alone: interleaved, in processes of their own.

python benchmarks/startup.py
"""

import subprocess
import sys
import time
from statistics import median

RUNS = 5
OURS, THEIRS = "trading_assets.definitions", "dagster"


def seconds_to_import(module: str) -> float:
    """Import a module in a new process; the interpreter's own start is part of both figures."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, stderr=subprocess.DEVNULL)  # noqa: S603 - our own interpreter
    return time.perf_counter() - start


def main() -> None:
    """Print the median of each and their ratio."""
    pairs = [(seconds_to_import(OURS), seconds_to_import(THEIRS)) for _ in range(RUNS + 1)][1:]
    ours, theirs = (median(times) for times in zip(*pairs, strict=True))
    ratio = median(our / their for our, their in pairs)
    print(f"import {OURS}: {ours:.2f} s, import {THEIRS}: {theirs:.2f} s, ratio {ratio:.2f} (median of {RUNS})")


if __name__ == "__main__":
    main()
