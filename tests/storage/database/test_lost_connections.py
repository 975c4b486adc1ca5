"""The database is refused, hung, slow, full, or cut off at a commit: what is published is there once or not at all."""

from collections.abc import Iterator

import pytest
from loguru import logger
from postgres_lakes import made_house, on_postgres, publish, times_published
from postgres_server import PostgresServer, free_port, postgres_server
from proxy import Mode, Proxy

from trading_assets.errors import CatalogFailed, DiskFull
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.telemetry.alerts import Kind, raise_alert

pytestmark = pytest.mark.timeout(60)

SHORT = {"transaction_timeout_s": 1.0, "connect_timeout_s": 2.0}
COMMITS = 2
"""Of one publication: its ticket, and its pointer."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def network(server: PostgresServer) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def database(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    name = f"database_{abs(hash(request.node.name))}"
    server.run_sql(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def near(settings: Settings, server: PostgresServer, database: str) -> Warehouse:
    """A way to the catalogue that nothing happens to."""
    return made_house(settings, server.url(database=database, sslmode="disable"))


@pytest.fixture
def far(near: Warehouse, network: Proxy, database: str) -> Warehouse:
    """A way to the same catalogue through the network."""
    return Warehouse.open(on_postgres(near.settings, through(network, database), retry_s=20.0, **SHORT))


def through(network: Proxy, database: str) -> str:
    return f"postgresql+psycopg://postgres@127.0.0.1:{network.port}/{database}?sslmode=disable"


def hasty(far: Warehouse, network: Proxy, database: str) -> Warehouse:
    """The same way, for whoever soon gives up."""
    return Warehouse.open(on_postgres(far.settings, through(network, database), retry_s=0.5, **SHORT))


@pytest.mark.parametrize("mode", [Mode.CUT_BEFORE_COMMIT, Mode.CUT_AFTER_COMMIT])
@pytest.mark.parametrize("at", range(COMMITS))
def test_a_connection_cut_at_a_commit_publishes_once(
    near: Warehouse, far: Warehouse, network: Proxy, partition: Partition, mode: Mode, at: int
) -> None:
    publish(far.lake, partition, [0.0])
    network.set(mode, commits=1, skip=at)
    published = publish(far.lake, partition, [1.0])

    assert published == near.lake.find("table", partition)
    assert 1 == times_published(near.lake)[published.md5]
    assert network.n_commits > 2 * COMMITS


def test_every_connection_cut_at_its_commit_is_an_error_and_no_publication(
    near: Warehouse, far: Warehouse, network: Proxy, database: str, partition: Partition
) -> None:
    publish(far.lake, partition, [0.0])
    network.set(Mode.CUT_BEFORE_COMMIT)

    with pytest.raises(CatalogFailed, match="only the database knows"):
        publish(hasty(far, network, database).lake, partition, [1.0])
    assert 1 == sum(times_published(near.lake).values())


def test_a_refused_connection_is_an_error_that_names_the_fix(
    near: Warehouse, far: Warehouse, network: Proxy, database: str, partition: Partition
) -> None:
    publish(far.lake, partition, [0.0])
    network.set(Mode.REFUSE)

    with pytest.raises(CatalogFailed, match=r"cannot be reached: .*refused.* does catalog.url name it\? Nothing was"):
        publish(hasty(far, network, database).lake, partition, [1.0])
    assert 1 == sum(times_published(near.lake).values())


def test_a_hung_connection_is_an_error_too(
    near: Warehouse, far: Warehouse, network: Proxy, database: str, partition: Partition
) -> None:
    soon = hasty(far, network, database)
    publish(soon.lake, partition, [0.0])
    network.set(Mode.HANG)

    with pytest.raises(CatalogFailed, match="cannot be reached"):
        publish(soon.lake, partition, [1.0])
    assert 1 == sum(times_published(near.lake).values())


def test_a_server_that_stands_still_is_an_error_too(
    server: PostgresServer, near: Warehouse, far: Warehouse, network: Proxy, database: str, partition: Partition
) -> None:
    soon = hasty(far, network, database)
    publish(soon.lake, partition, [0.0])
    server.pause()
    try:
        with pytest.raises(CatalogFailed, match="cannot be reached"):
            publish(soon.lake, partition, [1.0])
    finally:
        server.resume()

    assert 1 == sum(times_published(near.lake).values())
    publish(soon.lake, partition, [2.0])


def test_what_hung_for_a_while_is_published_once(
    near: Warehouse, far: Warehouse, network: Proxy, partition: Partition
) -> None:
    publish(far.lake, partition, [0.0])
    network.set(Mode.HANG)
    with network.later(Mode.PASS, after_s=3.0):
        published = publish(far.lake, partition, [1.0])

    assert published == near.lake.find("table", partition)
    assert {1} == set(times_published(near.lake).values())


def test_a_slow_connection_publishes(near: Warehouse, far: Warehouse, network: Proxy, partition: Partition) -> None:
    network.set(Mode.SLOW, delay_s=0.02)
    published = publish(far.lake, partition, [1.0])

    assert published == near.lake.find("table", partition)


def test_a_full_disk_of_the_server_is_an_error_and_no_publication(
    server: PostgresServer, near: Warehouse, database: str, partition: Partition
) -> None:
    publish(near.lake, partition, [0.0])
    server.run_sql(
        """CREATE FUNCTION development.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
           CREATE TRIGGER full_disk BEFORE INSERT ON development.versions EXECUTE FUNCTION development.full_disk()""",
        database=database,
    )

    with pytest.raises(DiskFull, match="disk of the catalogue's server is full"):
        publish(near.lake, partition, [1.0])
    assert 1 == sum(times_published(near.lake).values())


def test_a_commit_that_waits_for_a_standby_does_not_count_until_it_has_it(
    settings: Settings, partition: Partition
) -> None:
    with postgres_server(durable=True) as primary:
        standby = primary.standby(synchronous=True)
        try:
            limits = {**SHORT, "retry_s": 1.0, "statement_timeout_s": 0.5}
            house = made_house(settings, primary.url(sslmode="disable"), **limits)
            publish(house.lake, partition, [0.0])
            standby.pause()
            with pytest.raises(CatalogFailed, match="only the database knows"):
                publish(house.lake, partition, [1.0])
            standby.resume()

            publish(house.lake, partition, [2.0])
            assert {1} == set(times_published(house.lake).values())
        finally:
            standby.remove()


def test_an_alert_is_logged_although_its_catalogue_is_gone(
    far: Warehouse, network: Proxy, database: str, partition: Partition
) -> None:
    soon, lines = hasty(far, network, database), list[str]()
    network.set(Mode.REFUSE)
    sink = logger.add(lines.append, format="{message}")
    try:
        raise_alert(Kind.GATE_FAILURE, str(partition), "n is 0", engine=soon.lake.engine, settings=soon.settings)
    finally:
        logger.remove(sink)

    assert "alert, not recorded (CatalogFailed): n is 0\n" == lines[-1]


def test_what_is_wrong_with_one_server_is_told_although_the_next_is_down(settings: Settings) -> None:
    with postgres_server(scram=True) as strict:
        hosts = f"host=127.0.0.1:{strict.port}&host=127.0.0.1:{free_port()}"
        url = f"postgresql+psycopg://postgres:wrong@/postgres?{hosts}&sslmode=disable"

        with pytest.raises(CatalogFailed, match="check the user and the password") as told:
            Warehouse.open(on_postgres(settings, url, retry_s=600.0)).registry.instruments()
        assert "wrong" not in str(told.value)
