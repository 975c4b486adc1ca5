"""Which runs are still worked on: a process holds a lock for its run, and the system drops it with the process.

A run's status says what its process last reported; after `kill -9`, or a power cut, nobody reports. The lock cannot
lie: it is held for as long as the process lives, whatever it is doing, and by no one else.

Belongs here: taking, reading and clearing such locks. Does not: what follows from them (reconcile).
"""

import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from io import TextIOWrapper
from pathlib import Path

_held = threading.local()


class Life(Enum):
    """What a lock says of a run."""

    ALIVE = auto()
    DEAD = auto()
    UNKNOWN = auto()
    """There is no lock, or it was taken on another machine."""


def hold(run_id: str, home: Path) -> None:
    """Say that this process works on a run, until it ends or this thread turns to another run.

    Args:
        run_id: the Dagster run.
        home: Dagster's home, under which the locks of all runs lie.
    """
    path = _path(run_id, home)
    if getattr(_held, "path", None) == path:
        return
    _let_go()
    path.parent.mkdir(parents=True, exist_ok=True)
    _held.file, _held.path = _locked(path), path


def life_of(run_id: str, home: Path, *, is_one_machine: bool) -> Life:
    """Tell whether a process works on a run.

    Args:
        run_id: the Dagster run.
        home: Dagster's home.
        is_one_machine: whether all runs are of this machine, whatever its name was when the lock was taken.
    """
    try:
        file = _path(run_id, home).open()
    except FileNotFoundError:
        return Life.UNKNOWN
    with file:
        if not _taken(file):
            return Life.ALIVE
        return Life.DEAD if is_one_machine or _host(file) == socket.gethostname() else Life.UNKNOWN


def clear(run_id: str, home: Path) -> None:
    """Remove the lock of a run that is over."""
    _path(run_id, home).unlink(missing_ok=True)


def locked_runs(home: Path) -> list[str]:
    """List the runs that have a lock, held or left behind."""
    return sorted(path.stem for path in _folder(home).glob("*.lock"))


def is_process(pid: int) -> bool:
    """Tell whether a process of this number exists on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def only_one(home: Path, name: str) -> Iterator[bool]:
    """Let one process at a time do something; False for those that come while it is done."""
    _folder(home).mkdir(parents=True, exist_ok=True)
    with (_folder(home) / f".{name}").open("w") as lock:
        yield _taken(lock)


def _locked(path: Path) -> TextIOWrapper:
    """Take a shared lock, so that several processes of one run may hold it; taking it alone shows that none does."""
    while True:
        file = path.open("a+")
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file.fileno()).st_nlink:
            file.truncate(0)
            json.dump({"host": socket.gethostname(), "pid": os.getpid()}, file)
            file.flush()
            return file
        file.close()  # it was cleared away between opening and locking


def _let_go() -> None:
    """Drop the lock of the run this thread held before: it is over, because a thread executes one run at a time."""
    if getattr(_held, "path", None) is not None:
        _held.path.unlink(missing_ok=True)
        _held.file.close()
        _held.path = None


def _taken(file: TextIOWrapper) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _host(file: TextIOWrapper) -> str | None:
    try:
        return str(json.load(file)["host"])
    except (ValueError, KeyError, TypeError):
        return None  # killed before it was written


def _folder(home: Path) -> Path:
    return home / "running"


def _path(run_id: str, home: Path) -> Path:
    return _folder(home) / f"{run_id}.lock"
