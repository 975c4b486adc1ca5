"""What a snapshot costs where 10,000 partitions stand: it follows what changed, as do stock `dvc` commands."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from snapshot_days import files_under
from sqlalchemy import event

from benchmarks.snapshots import dvc_seconds, full_house, nth_partition, publish_pair
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.snapshots.snapshots import Snapshots
from trading_assets.storage.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FEW, MANY, CHANGED = 100, 10_000, 2
DVC_SECONDS = 120
"""A bound for a machine that does other things too; the numbers of one at rest are in docs/snapshots.md."""


@contextmanager
def counted(house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count what a snapshot does: steps of SQLite's machine, objects read, syncs."""
    found: Counter[str] = Counter()
    sync, verified = os.fsync, Store.verified

    def counts(connection: Any, *_: object) -> None:
        connection.set_progress_handler(lambda: found.update(["steps"]), 10)

    def synced(descriptor: int) -> None:
        found["syncs"] += 1
        sync(descriptor)

    def read(store: Store, md5: str) -> Any:
        found["objects"] += 1
        return verified(store, md5)

    house.lake.engine.dispose()
    event.listen(house.lake.engine, "connect", counts)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", synced)
        patched.setattr(Store, "verified", read)
        yield found
    event.remove(house.lake.engine, "connect", counts)
    house.lake.engine.dispose()


def test_a_snapshot_of_10_000_partitions_costs_at_most_twice_one_of_100(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = {}
    for size in (FEW, MANY):
        with full_house(size) as house:
            publish_pair(house.lake, nth_partition(0), -1.0)
            with counted(house, monkeypatch) as found:
                taken = Snapshots(house.lake).take(actor="somebody")
            assert size == taken.n_partitions
            spent[size] = found
            if size == MANY:
                seconds = dict(dvc_seconds(house))
                n_pushed = len(files_under(house.settings.root / "remote"))

    assert CHANGED == spent[FEW]["objects"] == spent[MANY]["objects"]
    assert spent[MANY]["syncs"] <= 2 * spent[FEW]["syncs"]
    assert 0 < spent[MANY]["steps"] <= 2 * spent[FEW]["steps"]
    assert all(each < DVC_SECONDS for each in seconds.values())
    assert MANY + 3 * CHANGED == n_pushed, "all, two lists, and what changed with the lists that name it"
