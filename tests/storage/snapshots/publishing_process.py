"""One of several processes that publish at once: `python publishing_process.py ROOT FIRST N`.

Each step publishes two tables of the same value together, and their values only ever rise.
"""

import sys
from pathlib import Path

import polars as pl
from snapshot_days import MARKET, ORIGIN, PASSED, PROJECT

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.records import Draft

ASSETS = ("books", "trades")
DAYS = 25
"""Of each process, one after the other, and then again."""


def publish_pair(house: Warehouse, day: str, value: float) -> None:
    """Publish both tables of a day with one ticket."""
    lake, partition = house.lake, Partition.parse(f"{day}|{MARKET}")
    with lake.ticket("pair", partition, run_id="run") as ticket:
        drafts = []
        for asset in ASSETS:
            frame = pl.DataFrame({"x": [value], "day": [day], "asset": [asset]})
            made = lake.stage(ticket, asset, PARQUET, lambda path, frame=frame: write_parquet(frame, path))
            drafts.append(Draft(made.asset, made.suffix, made.file, PASSED))
        lake.publish(ticket, drafts, ORIGIN)


if __name__ == "__main__":
    root, first, n = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    mine = Warehouse.open(load_settings(PROJECT, environment="development").model_copy(update={"root": root}))
    for i in range(n):
        publish_pair(mine, f"2024-{1 + first:02d}-{1 + i % DAYS:02d}", float(i))
