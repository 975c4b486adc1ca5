"""Real servers of Postgres for tests: made in half a second, killed like a power cut, followed by standbys.

`with postgres_server() as server:` has one that is gone afterwards. All live under one folder of the session, which a
keeper clears when the session ends, be it killed (see `keeper`). A killed server has lost nothing that it had handed
to the operating system: that is a crash of the server, not of the machine's disk.
"""

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import psycopg
from postgres_binaries import Binaries, find_binaries, give, server_user
from processes import PID_FILE, free_memory, kill_family, resume_family, stop_family
from sqlalchemy import URL

SUPERUSER = "postgres"
PASSWORD = "of-the-superuser"
PATIENCE_S = 60
CONFIGURATION: Mapping[str, str | int] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0777",
    "max_connections": 100,
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the data folder: a killed server leaves nothing elsewhere
    "max_wal_size": "256MB",
    "wal_keep_size": "64MB",  # what a standby may have slept through
    "hot_standby": "on",
    "jit": "off",
    "timezone": "Asia/Kathmandu",  # a server may be anywhere; ours is where few would mistake it for UTC
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
HASTY: Mapping[str, str | int] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For servers that no test kills."""


def free_port() -> int:
    """Return a free port below those that the system gives to clients, so that it stays free while a server is dead."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@dataclass
class PostgresServer:
    """One server: its folder, its port, and what it is configured to."""

    home: Path
    binaries: Binaries
    configuration: dict[str, str | int]
    uses_scram: bool = False
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None
    _n_standbys: int = 0

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def socket_folder(self) -> Path:
        return self.home / "socket"

    @property
    def log(self) -> str:
        """What the server has said so far."""
        return (self.home / "log").read_text("utf-8", "replace")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, again if it was stopped or killed, and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer in time; its last words are in the message.
        """
        self.configure()
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binaries["postgres"], "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data,
                env=self.binaries.environment,
                start_new_session=True,
                **server_user(),
            )
        self._wait_for("it did not answer", self._is_ready)

    def stop(self) -> None:
        """Stop fast: sessions are cut off, and everything is written that was committed."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all processes at once; what was committed is in the log of a server that was made durable."""
        kill_family(self._postmaster)
        self._ended()

    def pause(self) -> None:
        """Stop all processes where they are: connections stay open, and nobody answers."""
        stop_family(self._postmaster)

    def resume(self) -> None:
        resume_family(self._postmaster)

    def remove(self) -> None:
        """Kill it, if it runs, and remove all that it had."""
        if self.is_running:
            self.kill()
        free_memory(self.data)
        shutil.rmtree(self.home)

    def run_sql(self, sql: str, *values: object, database: str = SUPERUSER) -> list[Any]:
        """Run statements as the superuser, through the socket, where no password is asked; return the rows."""
        with self._connected(database) as connection:
            cursor = connection.execute(sql.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def url(
        self, *, database: str = SUPERUSER, user: str = SUPERUSER, password: str | None = None, **query: str
    ) -> str:
        """Return the URL of a database for SQLAlchemy; the superuser's password is filled in where one is asked."""
        if password is None and self.uses_scram and user == SUPERUSER:
            password = PASSWORD
        url = URL.create("postgresql+psycopg", user, password, "127.0.0.1", self.port, database, query)
        return url.render_as_string(hide_password=False)

    def socket_url(self, *, database: str = SUPERUSER, user: str = SUPERUSER) -> str:
        """Return the URL of a database through the unix socket."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.socket_folder}&port={self.port}"

    def configure(self, **values: str | int) -> None:
        """Write the configuration, changed if so wished; a running server reads it at `reload` or when it starts."""
        self.configuration.update(values)
        lines = {**self.configuration, "port": self.port, "unix_socket_directories": str(self.socket_folder)}
        quoted = {name: str(value).replace("'", "''") for name, value in lines.items()}
        self.write("postgresql.conf", "".join(f"{name} = '{value}'\n" for name, value in quoted.items()))

    def allow(self, *lines: str) -> None:
        """Replace who may come in over TCP, in the lines of `pg_hba.conf`; the superuser is let in by the socket."""
        always = (f"local all {SUPERUSER} trust", f"local replication {SUPERUSER} trust")
        self.write("pg_hba.conf", "\n".join((*always, *lines)) + "\n")

    def reload(self) -> None:
        """Have the running server read its configuration, and wait until new sessions have it."""
        before = self._loaded_at()
        os.kill(self._postmaster.pid, signal.SIGHUP)
        self._wait_for("it did not read its configuration", lambda: self._loaded_at() > before)

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the data folder, for the server's eyes only."""
        path = self.data / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        give(path)

    def standby(self, *, synchronous: bool = True) -> "PostgresServer":
        """Start a server that follows this one; a synchronous one has each commit before its client hears of it."""
        self._n_standbys += 1
        name = f"standby_{self._n_standbys}"
        home = new_home()
        self._copy_data(home / "data")
        configuration = {n: v for n, v in self.configuration.items() if n != "synchronous_standby_names"}
        configuration["primary_conninfo"] = (
            f"host={self.socket_folder} port={self.port} user={SUPERUSER} application_name={name}"
        )
        follower = PostgresServer(home, self.binaries, configuration, self.uses_scram)
        follower.write("standby.signal", "")
        follower.write("postgresql.auto.conf", "")
        follower.start()
        self._wait_for("nobody follows", lambda: self._follows(name, "streaming"))
        if synchronous:
            self.configure(synchronous_standby_names=f"FIRST 1 ({name})")
            self.reload()
            self._wait_for("the standby is not synchronous", lambda: self._follows(name, "sync"))
        return follower

    def caught_up(self, primary: "PostgresServer", how: str = "replay") -> None:
        """Wait until this standby has replayed (or received) all that its primary has written."""
        sql = f"SELECT pg_last_wal_{how}_lsn() >= %s::pg_lsn"
        until = primary.run_sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
        self._wait_for("it does not catch up", lambda: bool(self.run_sql(sql, until)[0][0]))

    def promote(self) -> None:
        """Make a standby a primary; whether the old one is dead is the caller's business."""
        assert self.run_sql(f"SELECT pg_promote(true, {PATIENCE_S})") == [(True,)]

    def _copy_data(self, data: Path) -> None:
        with self._connected() as connection:
            connection.execute("SELECT pg_backup_start('standby', true)")
            copy_while_written(self.data, data)
            label, spaces = connection.execute("SELECT labelfile, spcmapfile FROM pg_backup_stop(false)").fetchall()[0]
        (data / "backup_label").write_text(label)
        if spaces:
            (data / "tablespace_map").write_text(spaces)
        give(data)

    def _follows(self, name: str, state: str) -> bool:
        sql = "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s AND %s IN (state, sync_state)"
        return bool(self.run_sql(sql, name, state)[0][0])

    def _loaded_at(self) -> datetime:
        return self.run_sql("SELECT pg_conf_load_time()")[0][0]

    def _connected(self, database: str = SUPERUSER) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=str(self.socket_folder), port=self.port, user=SUPERUSER, dbname=database, autocommit=True
        )

    @property
    def _postmaster(self) -> psutil.Process:
        assert self._process is not None, "the server was never started"
        return psutil.Process(self._process.pid)

    def _end(self, number: int) -> None:
        os.kill(self._postmaster.pid, number)
        self._ended()

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait(PATIENCE_S)

    def _is_ready(self) -> bool:
        """Whether the file of this very process says so: one that was killed has left its own."""
        try:
            lines = (self.data / PID_FILE).read_text().split("\n")
        except FileNotFoundError:
            return False
        return self._process is not None and lines[0] == str(self._process.pid) and lines[7:8] == ["ready   "]

    def _wait_for(self, what: str, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > until or not self.is_running:
                raise RuntimeError(f"{what}; the server on port {self.port} said:\n{self.log[-2000:]}")
            time.sleep(0.01)


def make_server(
    *,
    durable: bool = False,
    scram: bool = False,
    binaries: Binaries | None = None,
    **configuration: str | int,
) -> PostgresServer:
    """Make a server that is not started yet; a durable one keeps what it committed when it is killed."""
    binaries = binaries or session_binaries()
    home = new_home()
    shutil.copytree(template(binaries), home / "data", symlinks=True)
    (home / "data").chmod(0o700)
    give(home / "data")
    server = PostgresServer(home, binaries, {**CONFIGURATION, **({} if durable else HASTY), **configuration}, scram)
    method = "scram-sha-256" if scram else "trust"
    server.allow(f"local all all {method}", f"host all all 127.0.0.1/32 {method}")
    return server


@contextmanager
def postgres_server(
    *, durable: bool = False, scram: bool = False, binaries: Binaries | None = None, **configuration: str | int
) -> Iterator[PostgresServer]:
    """Start a server, and remove it in the end."""
    server = make_server(durable=durable, scram=scram, binaries=binaries, **configuration)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def multi_host_url(*servers: PostgresServer, database: str = SUPERUSER, user: str = SUPERUSER, **query: str) -> str:
    """Return the URL of a database on whichever of several servers answers first, or is as the query asks."""
    parts = [f"host=127.0.0.1:{server.port}" for server in servers] + [f"{k}={v}" for k, v in query.items()]
    return f"postgresql+psycopg://{user}@/{database}?{'&'.join(parts)}"


@cache
def session_folder() -> Path:
    """The folder of all servers of this session, which the servers' user can reach; a keeper removes it after us."""
    folder = Path(mkdtemp(prefix="ta_postgres_", dir="/tmp"))  # a socket's path must be short
    folder.chmod(0o755)
    keeper = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("keeper.py"), folder],
        stdin=subprocess.PIPE,
        cwd="/",
        start_new_session=True,
    )

    def let_go() -> None:
        keeper.stdin.close()  # type: ignore[union-attr]  # it has a pipe
        keeper.wait(PATIENCE_S)

    atexit.register(let_go)
    return folder


_numbers = count()


def new_home() -> Path:
    """Make the folder of a server, with its data folder yet to come."""
    home = session_folder() / str(next(_numbers))
    (home / "socket").mkdir(parents=True)
    give(home)
    return home


@cache
def session_binaries() -> Binaries:
    """The binaries that servers use unless others are named."""
    return find_binaries(session_folder())


@cache
def template(binaries: Binaries) -> Path:
    """Make a data folder once, of which servers get copies; its log is in small pieces, which are quick to copy."""
    home = new_home()
    (home / "password").write_text(PASSWORD)
    give(home / "password")
    command = [binaries["initdb"], "--pgdata", str(home / "cluster"), "--username", SUPERUSER]
    command += ["--pwfile", str(home / "password"), "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
    command += ["--no-sync", "--wal-segsize", "1"]
    made = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=home, env=binaries.environment, **server_user()
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return home / "cluster"


def copy_while_written(source: Path, target: Path) -> None:
    """Copy a data folder that is in use; what goes away meanwhile, the log of the backup makes up for."""
    gone = shutil.ignore_patterns(PID_FILE, "postmaster.opts", "pgsql_tmp*", "pg_internal.init", "*.signal")

    def copy(one: str, other: str) -> None:
        try:
            shutil.copy2(one, other)
        except FileNotFoundError:
            return

    shutil.copytree(source, target, symlinks=True, ignore=gone, copy_function=copy)
    for leftover in (*(target / "pg_replslot").iterdir(), *(target / "pg_dynshmem").iterdir()):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    target.chmod(0o700)
