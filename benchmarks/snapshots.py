"""What a snapshot of a full catalogue costs after one partition changed, and what stock `dvc` makes of it.

    make bench-snapshots, or python benchmarks/snapshots.py [PARTITIONS ...]

Small tables of two assets are published for days of 50 instruments, a snapshot is taken, and then by turns: one
partition is published again, and the snapshot that follows is timed. `dvc status` and `dvc push`, whole commands, are
timed after the last.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import polars as pl
from loguru import logger

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Draft, Judgement, Origin
from trading_assets.storage.snapshots.checkout import Workspace
from trading_assets.storage.snapshots.snapshots import Snapshots

PROJECT: Final = Path(__file__).resolve().parents[1]
SIZES: Final = (100, 1_000, 10_000)
ROUNDS: Final = 9
MARKETS: Final = 50
FIRST: Final = date(2024, 1, 1)
PASSED: Final = (Judgement("is_fine", "n", 0.0, 0.0, 0.0, passed=True),)


def measure(sizes: Sequence[int] = SIZES, *, rounds: int = ROUNDS) -> list[dict[str, float | int | str]]:
    """Return medians in ms, by turns, of a snapshot after one change, and of `dvc status` and `dvc push`."""
    logger.disable("trading_assets")
    with ExitStack() as stack:
        houses = [stack.enter_context(full_house(size)) for size in sizes]
        times: list[list[float]] = [[] for _ in sizes]
        for n in range(rounds + 1):
            for house, found in zip(houses, times, strict=True):
                publish_pair(house.lake, nth_partition(0), -float(n))
                start = time.perf_counter()
                Snapshots(house.lake).take(actor="benchmark")
                found.append(time.perf_counter() - start)
        rows: list[dict[str, float | int | str]] = []
        for size, house, found in zip(sizes, houses, times, strict=True):
            rows.append({"what": "snapshot create", "partitions": size, "ms": 1e3 * median(found[1:])})
            rows += [{"what": what, "partitions": size, "ms": 1e3 * spent} for what, spent in dvc_seconds(house)]
    return rows


def dvc_seconds(house: Warehouse) -> Iterator[tuple[str, float]]:
    """Yield how long stock commands take, whole: of everything, and after one change."""
    root, snapshots = house.settings.root, Snapshots(house.lake)
    workspace = Workspace(root, snapshots)
    workspace.check_out(snapshots.find("latest"))
    yield "dvc status, first", _command(root, "status")
    yield "dvc status", _command(root, "status")
    yield "dvc push, everything", _command(root, "push")
    publish_pair(house.lake, nth_partition(0), 1e9)
    workspace.check_out(snapshots.take(actor="benchmark"))
    yield "dvc push, one changed", _command(root, "push")


def _command(root: Path, *arguments: str) -> float:
    dvc = str(Path(sys.executable).parent / "dvc")
    start = time.perf_counter()
    subprocess.run([dvc, *arguments], cwd=root, check=True, capture_output=True, env={**os.environ})  # noqa: S603 - ours
    return time.perf_counter() - start


@contextmanager
def full_house(size: int) -> Iterator[Warehouse]:
    """Make a project with so many partitions, a snapshot of them, and a remote."""
    with tempfile.TemporaryDirectory(dir=PROJECT.parent) as folder:
        root = Path(folder)
        house = Warehouse.open(load_settings(PROJECT, environment="development").model_copy(update={"root": root}))
        upgrade_catalog(house.lake.engine, PROJECT / "migrations")
        (root / ".dvc").mkdir()
        (root / ".dvc" / "config").write_text(
            f"[core]\n    no_scm = true\n    remote = backup\n['remote \"backup\"']\n    url = {root}/remote\n"
        )
        for n in range(size // 2):
            publish_pair(house.lake, nth_partition(n), float(n))
        Snapshots(house.lake).take(actor="benchmark")
        yield house


def nth_partition(n: int) -> Partition:
    """Return one of the partitions: days of some instruments."""
    return Partition(FIRST + timedelta(days=n // MARKETS), Instrument(f"M{n % MARKETS}", "BINANCE"))


def publish_pair(lake: Lake, partition: Partition, value: float) -> None:
    """Publish a table of both assets with one ticket."""
    with lake.ticket("pair", partition, run_id="benchmark") as ticket:
        drafts = []
        for asset in ("books", "trades"):
            frame = pl.DataFrame({"x": [value], "of": [f"{asset} {partition}"]})
            made = lake.stage(ticket, asset, PARQUET, lambda path, frame=frame: write_parquet(frame, path))  # type: ignore[misc]  # bound at once
            drafts.append(Draft(made.asset, made.suffix, made.file, PASSED))
        lake.publish(ticket, drafts, Origin("1", "s", ()))


def main() -> None:
    """Print a line for each measurement."""
    for row in measure([int(each) for each in sys.argv[1:]] or SIZES):
        print(f"{row['partitions']:>7,} partitions: {row['what']:<22} {row['ms']:>10,.1f} ms")


if __name__ == "__main__":
    main()
