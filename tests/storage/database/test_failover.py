"""A primary dies while partitions are published, and its synchronous standby takes its place."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger
from postgres_lakes import made_house, on_postgres, publish, times_published
from postgres_server import PostgresServer, make_server, multi_host_url
from sqlalchemy import select

from trading_assets.errors import CatalogFailed
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database.engines import open_for_looking
from trading_assets.storage.database.transactions import query

HERE = Path(__file__).parent
WRITERS = 3
RECONNECTED_S = 30
ANYWHERE = {"sslmode": "disable"}


class Writer:
    """A process that publishes, and what it was told is published."""

    def __init__(self, root: Path, url: str, number: int) -> None:
        self.acknowledged: list[tuple[float, str]] = []
        paths = [str(HERE), str(HERE.parents[1])]
        self._process = subprocess.Popen(
            [sys.executable, HERE / "publishing_to_postgres.py", root, str(number), root / "stop"],
            env={**os.environ, "TRADING_ASSETS_CATALOG__URL": url, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=(root / f"{number}.log").open("w"),
            text=True,
        )
        self._log = root / f"{number}.log"
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self.acknowledged.append((time.monotonic(), line.split()[-1]))

    def end(self) -> None:
        assert self._process.wait(120) == 0, self._log.read_text()[-3000:]
        self._listener.join()


class Reader:
    """Reads what stands again and again, from whichever server lets it."""

    def __init__(self, settings: Settings) -> None:
        self.n_reads, self.errors = 0, list[str]()
        self._engine, self._is_over = open_for_looking(settings), False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_over:
            try:
                query(self._engine, lambda session: session.scalars(select(PointerRow.md5)).all())
            except CatalogFailed as error:
                self.errors.append(str(error))
            self.n_reads += 1
            time.sleep(0.01)

    def end(self) -> None:
        self._is_over = True
        self._thread.join()


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    server = make_server(durable=True)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    follower = primary.standby(synchronous=True)
    yield follower
    follower.remove()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_dead_primary_loses_and_doubles_nothing(
    settings: Settings, primary: PostgresServer, standby: PostgresServer, seed: int
) -> None:
    url = multi_host_url(primary, standby, **ANYWHERE)
    house = made_house(settings, url)
    standby.caught_up(primary)  # it has the tables, in which readers look
    writers = [Writer(settings.root, url, number) for number in range(1, WRITERS + 1)]
    reader = Reader(house.settings)
    until(lambda: all(len(writer.acknowledged) > 3 + seed for writer in writers))

    primary.kill()
    time.sleep(0.5 * seed)
    standby.promote()
    promoted = time.monotonic()
    until(lambda: all(writer.acknowledged[-1][0] > promoted for writer in writers), within_s=RECONNECTED_S)
    primary.start()  # it believes that it is the primary, and waits for a standby
    until(lambda: all(writer.acknowledged[-1][0] > promoted + 2 for writer in writers))
    (settings.root / "stop").touch()
    for writer in writers:
        writer.end()
    reader.end()

    acknowledged = [md5 for writer in writers for _, md5 in writer.acknowledged]
    published = times_published(Warehouse.open(on_postgres(house.settings, standby.url(**ANYWHERE))).lake)
    assert [] == [md5 for md5 in acknowledged if published.get(md5) != 1]
    assert set(acknowledged) == set(published)
    assert [] == reader.errors
    assert reader.n_reads > 100
    for md5 in published:
        house.lake.store.verified(md5)


def test_a_primary_that_comes_back_publishes_nothing(
    settings: Settings, primary: PostgresServer, standby: PostgresServer, partition: Partition
) -> None:
    house = made_house(settings, multi_host_url(primary, standby, **ANYWHERE))
    publish(house.lake, partition, [1.0])
    primary.kill()
    standby.promote()
    publish(house.lake, partition, [2.0])
    primary.start()

    alone = Warehouse.open(on_postgres(settings, primary.url(**ANYWHERE), retry_s=0.5))
    with pytest.raises(CatalogFailed, match=r"timeline 1 .*another has taken its place"):
        publish(alone.lake, partition, [3.0])
    assert 2 == sum(times_published(house.lake).values())


def test_whoever_looks_is_given_the_newer_of_two_primaries_and_told_of_an_old_one(
    settings: Settings, primary: PostgresServer, standby: PostgresServer, partition: Partition
) -> None:
    house = made_house(settings, multi_host_url(primary, standby, **ANYWHERE))
    old = publish(house.lake, partition, [1.0])
    primary.kill()
    standby.promote()
    new = publish(house.lake, partition, [2.0])
    primary.start()

    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    try:
        assert new == Warehouse.open_for_looking(house.settings).lake.find("table", partition)
        assert [] == said
        alone = Warehouse.open_for_looking(on_postgres(settings, primary.url(**ANYWHERE)))
        assert old == alone.lake.find("table", partition)
    finally:
        logger.remove(sink)
    assert any("what is read may be old: this server is on timeline 1" in line for line in said)


@pytest.mark.parametrize("text", ["", "[]", '{"a": "b"}'])
def test_a_damaged_note_of_timelines_is_named(
    settings: Settings, primary: PostgresServer, partition: Partition, text: str
) -> None:
    house = made_house(settings, primary.url(**ANYWHERE))
    note = house.lake.store.root / "catalog-timelines.json"
    note.write_text(text)

    with pytest.raises(CatalogFailed, match=r"catalog-timelines\.json is damaged"):
        publish(house.lake, partition, [1.0])


def test_a_lake_that_saw_neither_takes_the_newer_of_two_primaries(
    settings: Settings, primary: PostgresServer, standby: PostgresServer, partition: Partition
) -> None:
    house = made_house(settings, multi_host_url(primary, standby, **ANYWHERE))
    primary.kill()
    standby.promote()
    primary.start()

    stranger = settings.model_copy(update={"root": settings.root / "elsewhere"})
    other = Warehouse.open(on_postgres(stranger, multi_host_url(primary, standby, **ANYWHERE)))
    publish(other.lake, partition, [1.0])
    assert 1 == sum(times_published(Warehouse.open(on_postgres(house.settings, standby.url(**ANYWHERE))).lake).values())


def test_a_connection_that_was_open_all_the_time_is_no_way_around_it(
    settings: Settings, primary: PostgresServer, standby: PostgresServer, partition: Partition
) -> None:
    url = multi_host_url(primary, standby, **ANYWHERE)
    asleep = made_house(settings, url, transaction_timeout_s=3.0)
    publish(asleep.lake, partition, [1.0])
    primary.pause()
    standby.promote()
    awake = Warehouse.open(on_postgres(settings, url))
    publish(awake.lake, partition, [2.0])
    primary.resume()

    publish(asleep.lake, partition, [3.0])
    assert [3.0] == asleep.lake.open(awake.lake.resolve("table", partition)).collect()["x"].to_list()
    assert 3 == sum(times_published(awake.lake).values())


def test_who_decides_is_never_given_a_standby(
    settings: Settings, primary: PostgresServer, standby: PostgresServer, partition: Partition
) -> None:
    made_house(settings, primary.url(**ANYWHERE))

    decides = Warehouse.open(on_postgres(settings, standby.url(**ANYWHERE), retry_s=0.5))
    with pytest.raises(CatalogFailed, match="session is read-only"):
        decides.lake.find("table", partition)


def until(is_so: Callable[[], bool], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"not within {within_s} s"
        time.sleep(0.05)
