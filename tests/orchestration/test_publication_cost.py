import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import polars as pl
import pytest
from sqlalchemy import Connection, event
from toy_steps import doubled, record_day, source, toy_gate

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.step import Output, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.database.transactions import WRITE

WRITING, READING = 3, 2
"""Transactions of a publication: ticket, circumstances, pointers; days, inputs."""


@contextmanager
def counted(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    found: Counter[str] = Counter()
    sync = os.fsync

    def synced(descriptor: int) -> None:
        found["syncs"] += 1
        sync(descriptor)

    def asked(*_: object) -> None:
        found["statements"] += 1

    def begun(connection: Connection) -> None:
        found["written" if WRITE.items() <= connection.get_execution_options().items() else "read"] += 1

    engine = warehouse.lake.engine
    event.listen(engine, "before_cursor_execute", asked)
    event.listen(engine, "begin", begun)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", synced)
        yield found
    event.remove(engine, "before_cursor_execute", asked)
    event.remove(engine, "begin", begun)


def publication(warehouse: Warehouse, partition: Partition, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    record_day(warehouse, partition)
    execute(source(), partition, warehouse, run_id="a")
    with counted(warehouse, monkeypatch) as found:
        execute(doubled(), partition, warehouse, run_id="b")
    return found


def test_a_publication_asks_as_little_of_a_full_catalogue_as_of_an_empty_one(
    warehouse: Warehouse, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publication(warehouse, partition, monkeypatch)
    for n in range(1, 20):
        record_day(warehouse, partition.on(partition.day + timedelta(days=n)))
    last = publication(warehouse, partition.on(partition.day + timedelta(days=20)), monkeypatch)

    assert (WRITING, READING) == (first["written"], first["read"])
    assert first - Counter(syncs=first["syncs"]) == last - Counter(syncs=last["syncs"])
    assert last["syncs"] <= first["syncs"]  # a folder of the store is made once


def test_days_are_registered_by_their_captures_whichever_way_one_asks(
    warehouse: Warehouse, partition: Partition
) -> None:
    days = [partition.day + timedelta(days=n) for n in range(6)]
    for day in days[::2]:
        record_day(warehouse, partition.on(day))
    execute(source(), partition.on(days[1]), warehouse, run_id="a")
    registry, market = warehouse.registry, partition.instrument

    assert days[::2] == registry.registered_days(market)
    assert set(days[:4:2]) == registry.registered_among(market, days[:4])
    assert set() == registry.registered_among(market, [])


def test_equal_bytes_of_another_input_are_another_version_and_those_of_the_same_are_not(
    warehouse: Warehouse, partition: Partition
) -> None:
    @published(Output(toy_gate()))
    def blind(table: pl.LazyFrame) -> pl.DataFrame:  # noqa: ARG001 - it is given, and not looked at
        """The same whatever it reads."""
        return pl.DataFrame({"x": [1.0, 2.0]})

    record_day(warehouse, partition)
    versions = []
    for values in ((1.0, 2.0), (1.0, 2.0), (3.0, 4.0)):
        execute(source(values), partition, warehouse, run_id="a")
        versions.append(execute(blind, partition, warehouse, run_id="b").versions["blind"])
    first, again, other = versions

    assert first == again
    assert first.md5 == other.md5
    assert first.inputs != other.inputs
    assert warehouse.lake.resolve("blind", partition) == other
