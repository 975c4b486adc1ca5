"""Whoever only looks reads from a standby, and is told how old that is."""

from collections.abc import Iterator

import pytest
from loguru import logger
from postgres_lakes import made_house, on_postgres, publish
from postgres_server import PostgresServer, multi_host_url, postgres_server
from sqlalchemy import text

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.database.age import Age, age_of
from trading_assets.storage.database.engines import open_for_looking
from trading_assets.storage.database.transactions import query

ANYWHERE = {"sslmode": "disable"}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with postgres_server(durable=True) as primary:
        standby = primary.standby(synchronous=False)
        yield primary, standby
        standby.remove()


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    yield lines
    logger.remove(sink)


def test_looking_goes_to_the_standby_and_says_so(
    settings: Settings, servers: tuple[PostgresServer, PostgresServer], partition: Partition, said: list[str]
) -> None:
    primary, standby = servers
    house = made_house(settings, multi_host_url(*servers, **ANYWHERE))
    version = publish(house.lake, partition, [1.0])
    standby.caught_up(primary)

    looks = Warehouse.open_for_looking(house.settings)
    assert version == looks.lake.find("table", partition)
    assert ["read from a standby, which has all that its primary has sent\n"] == said
    assert standby.port == query(looks.lake.engine, lambda session: session.scalar(text("SELECT inet_server_port()")))


def test_a_standby_that_is_behind_says_by_how_much(
    settings: Settings, servers: tuple[PostgresServer, PostgresServer], partition: Partition
) -> None:
    primary, standby = servers
    house = made_house(settings, multi_host_url(*servers, **ANYWHERE))
    old = publish(house.lake, partition, [1.0])
    standby.caught_up(primary)
    standby.run_sql("SELECT pg_wal_replay_pause()")
    publish(house.lake, partition, [2.0])
    standby.caught_up(primary, "receive")

    looks = open_for_looking(house.settings)
    age = age_of(looks)
    assert age.is_standby
    assert age.behind_s is not None
    assert age.behind_s > 0
    assert old == Warehouse.open_for_looking(house.settings).lake.find("table", partition)
    standby.run_sql("SELECT pg_wal_replay_resume()")
    standby.caught_up(primary)
    assert Age(is_standby=True, behind_s=0.0) == age_of(looks)


def test_without_a_standby_looking_goes_to_the_primary(
    settings: Settings, servers: tuple[PostgresServer, PostgresServer]
) -> None:
    looks = open_for_looking(on_postgres(settings, servers[0].url(**ANYWHERE)))

    assert Age(is_standby=False, behind_s=0.0) == age_of(looks)
