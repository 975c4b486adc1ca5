"""What tests of the catalogue rely on: what is killed is dead, and what was committed is there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from postgres_binaries import NAMED, Binaries, binaries_in, copied, find_binaries, packaged_binaries
from postgres_server import PASSWORD, PostgresServer, multi_host_url, postgres_server, session_folder
from processes import is_alive, postmaster_of
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

SERVERS = Path(__file__).parent
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
ORPHANING = """
import os, signal
from postgres_server import postgres_server, session_folder
with postgres_server() as server:
    print(session_folder(), server._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def asked(url: str, sql: str = "SELECT 1") -> list[tuple[int]]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def rows(url: str) -> list[int]:
    return [x for (x,) in asked(url, "SELECT x FROM numbers ORDER BY x")]


def with_numbers(server: PostgresServer) -> PostgresServer:
    server.run_sql("CREATE TABLE numbers (x integer)")
    server.run_sql("INSERT INTO numbers VALUES (%s)", 1)
    return server


def test_a_server_of_each_kind_answers_by_both_ways(binaries: Binaries) -> None:
    with postgres_server(binaries=binaries) as server:
        with_numbers(server)

        assert [1] == rows(server.url()) == rows(server.socket_url())
        assert [(binaries.major,)] == server.run_sql("SELECT current_setting('server_version_num')::int / 10000")


def test_what_was_committed_is_there_after_a_kill(binaries: Binaries) -> None:
    with postgres_server(binaries=binaries, durable=True) as server:
        with_numbers(server)
        family = [server._postmaster, *server._postmaster.children()]

        server.kill()
        with pytest.raises(psycopg.OperationalError):
            server.run_sql("SELECT 1")
        server.start()

        assert [] == [process for process in family if is_alive(process)]
        assert [1] == rows(server.url())


def test_a_promoted_synchronous_standby_has_what_was_committed(binaries: Binaries) -> None:
    with postgres_server(binaries=binaries, durable=True) as primary:
        standby = with_numbers(primary).standby()
        primary.run_sql("INSERT INTO numbers VALUES (2)")
        url = multi_host_url(primary, standby, target_session_attrs="read-write")
        before = rows(url)

        primary.kill()
        standby.promote()
        standby.run_sql("INSERT INTO numbers VALUES (3)")

        assert [1, 2] == before
        assert [1, 2, 3] == rows(url)
        standby.remove()


def test_a_commit_waits_for_a_synchronous_standby_that_is_paused() -> None:
    with postgres_server(durable=True) as primary:
        standby = with_numbers(primary).standby()
        standby.pause()

        waiting = psycopg.connect(host="127.0.0.1", port=primary.port, user="postgres", autocommit=True)
        waiting.pgconn.send_query(b"INSERT INTO numbers VALUES (3)")
        primary._wait_for("nothing waits", lambda: bool(primary.run_sql(WAITING)))
        standby.resume()

        assert waiting.pgconn.get_result() is not None
        waiting.close()
        standby.remove()


def test_a_paused_server_answers_nobody_until_it_goes_on() -> None:
    with postgres_server() as server:
        with_numbers(server)

        server.pause()
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", connect_timeout=2)
        server.resume()

        assert [1] == rows(server.url())


def test_a_server_with_passwords_asks_for_them() -> None:
    with postgres_server(scram=True) as server:
        with_numbers(server).run_sql("CREATE ROLE reader LOGIN PASSWORD 'of-the-reader'")

        assert [1] == rows(server.url()) == rows(server.url(password=PASSWORD))
        assert [(1,)] == asked(server.url(user="reader", password="of-the-reader"))
        with pytest.raises(OperationalError, match="password authentication failed"):
            asked(server.url(user="reader", password="wrong"))


def test_a_server_is_gone_soon_after_its_session_was_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SERVERS)}
    killed = subprocess.run(
        [sys.executable, "-c", ORPHANING], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    folder, pid = killed.stdout.split()

    until = time.monotonic() + 30
    while (Path(folder).exists() or psutil.pid_exists(int(pid))) and time.monotonic() < until:
        time.sleep(0.05)

    assert -signal.SIGKILL == killed.returncode
    assert not Path(folder).exists()
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


def test_a_number_that_another_process_has_now_is_not_killed(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")

    assert postmaster_of(tmp_path) is None


def test_binaries_that_the_servers_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    packaged = packaged_binaries(session_folder())
    if os.getuid() != 0 or packaged is None:
        # anybody else runs servers as himself, and reaches what is his own: there is nothing to copy
        pytest.skip("only root has folders that its servers' user cannot reach")
    hidden = tmp_path / "postgres"  # under a folder of mode 0700
    shutil.copytree(packaged.folder.parent, hidden, symlinks=True)
    room = session_folder() / "room"

    assert binaries_in(hidden / "bin") is None
    with postgres_server(binaries=binaries_in(copied(hidden / "bin", room))) as server:
        assert [(1,)] == server.run_sql("SELECT 1")


def test_a_named_folder_without_binaries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, str(tmp_path))

    with pytest.raises(FileNotFoundError, match=NAMED):
        find_binaries(tmp_path)
