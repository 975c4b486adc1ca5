"""How long `trading-assets status` and `run --dry-run` take, whole commands, beside how full the catalogue is.

    python benchmarks/status.py [PARTITIONS ...]

Each is a process of its own, interpreter start and imports included, in a project whose catalogue is filled
(full_catalogue). One run of each comes before those that are timed: it keeps the outlines of the graph.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from full_catalogue import PROJECT, fill

from trading_assets.settings import load_settings

SIZES: Final = (10, 1_000, 20_000)
ROUNDS: Final = 5
COMMANDS: Final = {"status": ("status",), "run --dry-run": ("run", "--dry-run")}
_RUN: Final = "import sys; from trading_assets.cli.main import main; sys.argv[0] = 'trading-assets'; main()"


def measure(sizes: Sequence[int] = SIZES, *, rounds: int = ROUNDS) -> list[dict[str, float | int | str]]:
    """Return the median seconds of each command for catalogues of several sizes, measured by turns.

    Args:
        sizes: partitions in the catalogue.
        rounds: how often each command is timed.
    """
    with ExitStack() as stack:
        roots = [stack.enter_context(_project(size)) for size in sizes]
        cases = [(size, root, what) for size, root in zip(sizes, roots, strict=True) for what in COMMANDS]
        times: dict[tuple[int, str], list[float]] = {(size, what): [] for size, _, what in cases}
        for _ in range(rounds + 1):
            for size, root, what in cases:
                times[size, what].append(_seconds(root, COMMANDS[what]))
    return [
        {"what": what, "partitions": size, "seconds": median(found[1:]), "rounds": rounds}
        for (size, what), found in times.items()
    ]


def _seconds(root: Path, command: Sequence[str]) -> float:
    environment = {**os.environ, "TRADING_ASSETS_ROOT": str(root)}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", _RUN, *command], check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    return time.perf_counter() - start


@contextmanager
def _project(size: int) -> Iterator[Path]:
    """Make a project with a filled catalogue in a folder that goes with the benchmark."""
    with tempfile.TemporaryDirectory(dir=PROJECT.parent) as folder:
        root = Path(folder)
        for name in ("settings.toml", "workspace.yaml", "dagster.yaml"):
            shutil.copy(PROJECT / name, root / name)
        (root / "migrations").symlink_to(PROJECT / "migrations")
        fill(load_settings(PROJECT, environment="development").model_copy(update={"root": root}), size)
        yield root


def main() -> None:
    """Print a line for each command and size."""
    for row in measure([int(each) for each in sys.argv[1:]] or SIZES):
        print(f"{row['partitions']:>7,} partitions: {row['what']} {row['seconds']:.2f} s (median of {row['rounds']})")


if __name__ == "__main__":
    main()
