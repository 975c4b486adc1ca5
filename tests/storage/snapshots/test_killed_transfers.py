"""Transfers that are killed while DVC moves files: nothing is claimed, and the same command goes on."""

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest
from snapshot_days import DAYS, as_dvc_project, dvc, publish

from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.snapshots.snapshots import Snapshots

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

N_FILES = 260
HERE = Path(__file__).parent
KILLS, SEED = 6, 5


@pytest.fixture
def root(warehouse: Warehouse) -> Path:
    """A project with many published files, each of its own bytes, a snapshot of them, and a remote."""
    root = warehouse.settings.root
    for n in range(N_FILES):
        publish(warehouse.lake, f"table_{n // len(DAYS)}", DAYS[n % len(DAYS)], [float(n)])
    as_dvc_project(root)
    dvc(root, "remote", "add", "--default", "backup", str(root / "remote"))
    Snapshots(warehouse.lake).take(actor="somebody")
    return root


@pytest.mark.parametrize(("what", "where"), [("push", "remote"), ("checkout", "data")])
def test_a_transfer_that_is_killed_claims_nothing_and_is_gone_on_with(
    warehouse: Warehouse, root: Path, what: str, where: str
) -> None:
    snapshots, chance = Snapshots(warehouse.lake), random.Random(SEED)
    wanted = {entry.md5 for entry in snapshots.entries(snapshots.find("latest"))}
    assert N_FILES == len(wanted)
    n_halfway = 0
    for _ in range(KILLS):
        subprocess.run(["rm", "-rf", str(root / where)], check=True)
        n_before = killed(root, what, root / where, after=chance.randrange(1, len(wanted)))
        n_halfway += 0 < n_before < len(wanted)
        assert {} == snapshots.find("latest").copies
        for md5 in wanted:
            warehouse.lake.store.verified(md5)
        transfer(root, what).communicate()
        assert wanted <= found(root / where)
        if what == "push":
            assert ["backup"] == list(snapshots.find("latest").copies)
            forget_copies(warehouse)
        else:
            assert "up to date" in dvc(root, "status")

    assert n_halfway >= KILLS // 2


def transfer(root: Path, what: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, str(HERE / "transfer_process.py"), str(root), what])


def killed(root: Path, what: str, where: Path, *, after: int) -> int:
    """Kill a transfer once there are so many files; return how many there were then."""
    with transfer(root, what) as process:
        while process.poll() is None:
            if sum(path.is_file() for path in where.rglob("*")) >= after:
                process.kill()
                break
    return sum(path.is_file() for path in where.rglob("*"))


def found(folder: Path) -> set[str]:
    return {hashlib.file_digest(path.open("rb"), "md5").hexdigest() for path in folder.rglob("*") if path.is_file()}


def forget_copies(warehouse: Warehouse) -> None:
    with warehouse.lake.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM snapshot_copies")
