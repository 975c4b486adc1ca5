"""A process that pushes a project's newest snapshot, or checks it out: `transfer_process.py ROOT push|checkout`."""

import sys
from pathlib import Path

from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage.snapshots.checkout import Workspace
from trading_assets.storage.snapshots.remotes import Remotes
from trading_assets.storage.snapshots.snapshots import Snapshots

PROJECT = Path(__file__).resolve().parents[3]

if __name__ == "__main__":
    root = Path(sys.argv[1])
    house = Warehouse.open(load_settings(PROJECT, environment="development").model_copy(update={"root": root}))
    snapshots = Snapshots(house.lake)
    newest = snapshots.find("latest")
    if sys.argv[2] == "push":
        Remotes(root, snapshots).push(newest)
    else:
        Workspace(root, snapshots).check_out(newest, is_forced=True)
