"""A process that publishes until it is told to stop: `python publishing_to_postgres.py ROOT FIRST_DAY STOP`.

It prints each publication once it is acknowledged, as its day and md5. No two are equal.
"""

import sys
from itertools import count
from pathlib import Path

from postgres_lakes import MARKET, publish

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings

PROJECT = Path(__file__).resolve().parents[3]

if __name__ == "__main__":
    root, first, stop = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    mine = Warehouse.open(load_settings(PROJECT, environment="development").model_copy(update={"root": root}))
    for n in count():
        day = Partition.parse(f"2024-{first:02d}-{1 + n % 3:02d}|{MARKET}")
        md5 = publish(mine.lake, day, [float(first), float(n)]).md5
        print(day, md5, flush=True)  # noqa: T201 - what its parent reads
        if stop.exists():
            break
