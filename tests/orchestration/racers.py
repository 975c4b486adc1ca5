"""What a process of its own does in tests of races and crashes: `python racers.py ACT ROOT PARTITION ...`."""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
from toy_steps import source, toy_gate

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.step import Made, Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage import lake
from trading_assets.storage.store import Store

PROJECT = Path(__file__).resolve().parents[2]
MOMENTS = {"in the store": (Store, "keep"), "in the transaction": (lake, "move_pointer")}
"""The last thing that a killed process does."""


def pair(value: float) -> Step:
    """Return a step of two outputs, both of one value."""

    @published({"books": Output(toy_gate()), "trades": Output(toy_gate())})
    def rebuilt() -> Made:
        """Two tables of one value."""
        frame = pl.DataFrame({"x": [value, value]})
        return Made({"books": frame, "trades": frame})

    return rebuilt


def kill(house: Warehouse, partition: Partition, moment: str) -> None:
    """Begin to publish another version, and be killed on the way."""
    owner, name = MOMENTS[moment]
    whole = getattr(owner, name)

    def last(*given: Any) -> None:
        whole(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, last)
    execute(source([5.0, 6.0]), partition, house, run_id="killed")


def rewrite(house: Warehouse, partition: Partition) -> None:
    """Publish one version of two outputs after the other, until killed."""
    for n in count():
        assert execute(pair(float(n)), partition, house, run_id=str(n)).refusal is None


if __name__ == "__main__":
    act, root, key, *rest = sys.argv[1:]
    settings = load_settings(PROJECT, environment="development").model_copy(update={"root": Path(root)})
    {"kill": kill, "rewrite": rewrite}[act](Warehouse.open(settings), Partition.parse(key), *rest)
