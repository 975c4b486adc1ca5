"""A bound on how long a thread waits for a database server, whatever the server or the network does.

Servers that are stopped, and networks that drop packets, leave a client waiting for an answer, and a client of libpq
waits for ever. When the time is over, the socket it waits on is shut down, which ends the wait with an error. The
statement is not cancelled instead: Postgres takes a cancelled wait for its standby for a commit.

Belongs here: the clock, and the socket it cuts. Does not: what is done about it (transactions).
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TypeVar

_Found = TypeVar("_Found")
_thread = threading.local()


class _Deadline:
    """Cuts the sockets it was told of when its time is over, and never after it was called off."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[int] = []
        self._is_over = False

    def watch(self, descriptor: int) -> None:
        """Cut this connection too, at once where the time is over."""
        copy = os.dup(descriptor)  # the number may be another file's by then, the copy stays this connection's
        with self._lock:
            self._sockets.append(copy)
            if self._is_over:
                _cut(copy)

    def end(self) -> None:
        """Cut every connection."""
        with self._lock:
            self._is_over = True
            for each in self._sockets:
                _cut(each)

    def call_off(self) -> None:
        """Cut nothing any more."""
        with self._lock:
            for each in self._sockets:
                os.close(each)
            self._sockets.clear()


class _Clock:
    """Ends deadlines in a thread of its own, of which a process has one: to begin one costs as much as a statement."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: set[_Deadline] = set()
        self._next = float("inf")
        threading.Thread(target=self._run, name="database deadlines", daemon=True).start()

    def add(self, deadline: _Deadline) -> None:
        with self._changed:
            self._running.add(deadline)
            if deadline.at < self._next:
                self._changed.notify()

    def remove(self, deadline: _Deadline) -> None:
        with self._changed:
            self._running.discard(deadline)

    def _run(self) -> None:
        with self._changed:
            while True:
                over = {each for each in self._running if each.at <= time.monotonic()}
                self._running -= over
                for each in over:
                    each.end()
                self._next = min((each.at for each in self._running), default=float("inf"))
                self._changed.wait(None if self._next == float("inf") else max(0.0, self._next - time.monotonic()))


@cache
def _clock_of(process: int) -> _Clock:  # noqa: ARG001 - a process that was forked has no thread of its parent's
    return _Clock()


def within(seconds: float, work: Callable[[], _Found]) -> _Found:
    """Do work whose connections are cut after some seconds; a deadline around this one stays in force."""
    if getattr(_thread, "deadline", None) is not None:
        return work()
    deadline, clock = _Deadline(seconds), _clock_of(os.getpid())
    clock.add(deadline)
    _thread.deadline = deadline
    try:
        return work()
    finally:
        _thread.deadline = None
        clock.remove(deadline)
        deadline.call_off()


def watch(descriptor: int) -> None:
    """Put a connection under this thread's deadline, if it has one."""
    deadline = getattr(_thread, "deadline", None)
    if deadline is not None and descriptor >= 0:
        deadline.watch(descriptor)


def _cut(descriptor: int) -> None:
    connection = socket.socket(fileno=descriptor)
    with suppress(OSError):  # it is not connected any more
        connection.shutdown(socket.SHUT_RDWR)
    connection.detach()
