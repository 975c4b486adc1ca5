"""Eight processes publish while snapshots are taken: nothing fails, nothing is lost, each snapshot is of one moment."""

import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from publishing_process import ASSETS, DAYS
from snapshot_days import MARKET

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.snapshots.named import Snapshot
from trading_assets.storage.snapshots.snapshots import Snapshots

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROCESSES, EACH = 8, 2 * DAYS
HERE = Path(__file__).parent
SEED = 11


def test_snapshots_beside_eight_publishing_processes_are_of_one_moment(warehouse: Warehouse) -> None:
    snapshots, chance = Snapshots(warehouse.lake), random.Random(SEED)
    root = str(warehouse.settings.root)
    command = [sys.executable, str(HERE / "publishing_process.py"), root]
    running = [
        subprocess.Popen([*command, str(n), str(EACH)], stderr=subprocess.PIPE, text=True) for n in range(PROCESSES)
    ]
    taken: list[Snapshot] = []
    while any(process.poll() is None for process in running):
        if warehouse.lake.store.root.exists() and Snapshots(warehouse.lake).lake.find_all(ASSETS, days(0)):
            taken.append(snapshots.take(actor="somebody"))
        time.sleep(chance.uniform(0.1, 1.0))
    told = [process.communicate()[1] for process in running]
    assert {0} == {process.returncode for process in running}, told

    taken.append(snapshots.take(actor="somebody"))
    assert len({snapshot.cut for snapshot in taken}) > 3
    seen: dict[str, float] = {}
    for snapshot in sorted(taken, key=lambda snapshot: snapshot.cut):
        snapshots.hold(snapshot)  # what its lists say is what the history says of its cut
        values = values_of(snapshots, snapshot)
        for day in {path.partition("/")[0] for _, path in values}:
            both = {value for (_, path), value in values.items() if path.startswith(day)}
            assert 1 == len(both), f"{day}: two tables of one step are of two moments: {both}"
            value = both.pop()
            assert value >= seen.get(day, value), f"{day} went back"
            seen[day] = value
    assert 200 == PROCESSES * DAYS == len(seen)
    assert {float(DAYS + n) for n in range(DAYS)} == set(seen.values())
    for process in range(PROCESSES):
        found = warehouse.lake.find_all(ASSETS, days(process))
        assert 2 * DAYS == len(found)


def days(process: int) -> list[Partition]:
    return [Partition.parse(f"2024-{1 + process:02d}-{1 + i:02d}|{MARKET}") for i in range(DAYS)]


def values_of(snapshots: Snapshots, snapshot: Snapshot) -> dict[tuple[str, str], float]:
    """Read every file that a snapshot names, from DVC's cache."""
    return {
        (entry.asset, entry.path): float(pl.read_parquet(snapshots.cache.path(entry.md5))["x"][0])
        for entry in snapshots.entries(snapshot)
    }
