"""A process that publishes two contents in turn, slow between store and pointer: `alternating.py ROOT KEY ROUNDS`."""

import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage import lake
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.records import Draft, Judgement, Origin

PROJECT = Path(__file__).resolve().parents[2]
PASSED = (Judgement("it_is", "n", 1.0, 1.0, None, passed=True),)


def publish(house: Warehouse, partition: Partition, value: float) -> None:
    """Publish one content, and hold what then stands against its md5."""
    with house.lake.ticket("table", partition, run_id="race") as ticket:
        draft = house.lake.stage(
            ticket, "table", PARQUET, lambda path: write_parquet(pl.DataFrame({"x": [value]}), path)
        )
        house.lake.publish(ticket, [Draft("table", PARQUET, draft.file, PASSED)], Origin("1", "s", ()))
    house.lake.open(house.lake.resolve("table", partition))


def slowed(whole: Any) -> Any:
    """Leave a remover time to come between."""

    def move(*given: Any) -> Any:
        time.sleep(0.01)
        return whole(*given)

    return move


if __name__ == "__main__":
    root, key, rounds = sys.argv[1:]
    lake.move_pointer = slowed(lake.move_pointer)
    settings = load_settings(PROJECT, environment="development").model_copy(update={"root": Path(root)})
    for n in range(int(rounds)):
        publish(Warehouse.open(settings), Partition.parse(key), float(n % 2))
