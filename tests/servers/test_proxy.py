"""Each way in which the proxy fails does to a transaction what it says."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from postgres_server import PostgresServer, postgres_server
from proxy import Mode, Proxy
from wire import ClientStream

LOST = psycopg.OperationalError


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def proxy(server: PostgresServer) -> Iterator[Proxy]:
    server.run_sql("DROP TABLE IF EXISTS numbers")
    server.run_sql("CREATE TABLE numbers (x integer)")
    with Proxy(server.port) as between:
        yield between


def connect(proxy: Proxy, **options: str | int) -> "psycopg.Connection[tuple[int]]":
    return psycopg.connect(host="127.0.0.1", port=proxy.port, user="postgres", **{"sslmode": "disable", **options})


def insert(connection: "psycopg.Connection[tuple[int]]", value: int) -> None:
    connection.execute("INSERT INTO numbers VALUES (%s)", [value])
    connection.commit()


def numbers(server: PostgresServer) -> list[int]:
    return [x for (x,) in server.run_sql("SELECT x FROM numbers ORDER BY x")]


def test_what_passes_is_committed_and_counted(server: PostgresServer, proxy: Proxy) -> None:
    with connect(proxy, sslmode="prefer") as connection:
        insert(connection, 1)
        insert(connection, 2)

    assert [1, 2] == numbers(server)
    assert 2 == proxy.n_commits


def test_a_commit_whose_answer_is_lost_has_happened(server: PostgresServer, proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.set(Mode.CUT_AFTER_COMMIT, commits=1)

    with pytest.raises(LOST):
        insert(connection, 1)

    assert [1] == numbers(server)
    insert(connect(proxy), 2)
    assert [1, 2] == numbers(server)


def test_a_commit_that_is_lost_has_not_happened(server: PostgresServer, proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.set(Mode.CUT_BEFORE_COMMIT, commits=1, skip=1)

    insert(connection, 1)
    with pytest.raises(LOST):
        insert(connection, 2)

    assert [1] == numbers(server)


def test_a_commit_in_a_pipeline_is_noticed_too(server: PostgresServer, proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.set(Mode.CUT_AFTER_COMMIT)

    with pytest.raises(LOST), connection.pipeline():
        insert(connection, 1)

    assert [1] == numbers(server)


def test_a_closed_port_refuses_and_cuts_what_was_open(proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.set(Mode.REFUSE)

    with pytest.raises(LOST):
        insert(connection, 1)
    with pytest.raises(LOST, match="refused"):
        connect(proxy)

    proxy.set(Mode.PASS)
    connect(proxy).close()


def test_a_network_that_hangs_answers_nobody_and_delivers_late(server: PostgresServer, proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.set(Mode.HANG)

    with pytest.raises(psycopg.errors.ConnectionTimeout):
        connect(proxy, connect_timeout=2)
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(insert, connection, 1)
        before = numbers(server)
        proxy.set(Mode.PASS)
        waiting.result(30)

    assert [] == before
    assert [1] == numbers(server)


def test_a_slow_network_takes_its_time(proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.set(Mode.SLOW, delay_s=0.2)
    began = time.monotonic()

    connection.execute("SELECT 1")

    assert time.monotonic() - began >= 0.4


def test_a_connection_that_is_cut_is_lost_and_the_next_is_not(server: PostgresServer, proxy: Proxy) -> None:
    connection = connect(proxy)
    proxy.cut()

    with pytest.raises(LOST):
        insert(connection, 1)
    insert(connect(proxy), 2)

    assert [2] == numbers(server)


def test_a_commit_is_seen_in_whatever_pieces_it_arrives() -> None:
    startup = (8).to_bytes(4, "big") + (196608).to_bytes(4, "big")
    query = b"commit ;\0"
    sent = startup + b"Q" + (4 + len(query)).to_bytes(4, "big") + query

    stream = ClientStream()
    found = [pair for byte in sent for pair in stream.messages(bytes([byte]))]

    assert [(startup, False), (sent[8:], True)] == found
