"""A network between a client and its server, which can be made to fail in the ways networks do.

It reads libpq's protocol in the clear, so what it does to commits works without TLS alone; the other modes work with it
as well. `with Proxy(server.port) as proxy:` listens on `proxy.port`; `proxy.set(Mode.HANG)` may be called at any time.
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

from wire import ClientStream, ends_an_answer

CHUNK = 65536


class Mode(Enum):
    """What happens to what is sent."""

    PASS = auto()
    REFUSE = auto()
    """Nobody listens, and connections that were open are cut."""
    HANG = auto()
    """Connections are accepted and nothing arrives, in both directions; it arrives late, as by TCP, if this ends."""
    SLOW = auto()
    """Each chunk arrives late."""
    CUT_BEFORE_COMMIT = auto()
    """The connection is cut when the client commits, and the server hears nothing of it."""
    CUT_AFTER_COMMIT = auto()
    """The server commits, and the connection is cut before the client hears of it."""


OF_COMMITS = {Mode.CUT_BEFORE_COMMIT, Mode.CUT_AFTER_COMMIT}


class Connection:
    """One client and its server."""

    def __init__(self, proxy: "Proxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = (client, server)
        self._stream = ClientStream()
        self._withheld: bytes | None = None
        """What the server has answered to a commit that the client must not hear of."""

    def cut(self) -> None:
        """Close both sides at once; what is under way is lost."""
        for writer in self._writers:
            writer.transport.abort()

    async def to_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what the client sends, up to a commit that is to be cut off."""
        while data := await reader.read(CHUNK):
            await self._proxy.held_up()
            for message, is_commit in self._stream.messages(data):
                fate = self._proxy.fate_of_commit() if is_commit else Mode.PASS
                if fate is Mode.CUT_BEFORE_COMMIT:
                    await writer.drain()
                    self.cut()
                    return
                if fate is Mode.CUT_AFTER_COMMIT:
                    self._withheld = b""
                writer.write(message)
            await writer.drain()
        await self._end(writer)

    async def to_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what the server answers, but to a commit that is to be cut off."""
        while data := await reader.read(CHUNK):
            await self._proxy.held_up()
            if self._withheld is not None:
                self._withheld += data
                if ends_an_answer(self._withheld):
                    self.cut()
                    return
                continue
            writer.write(data)
            await writer.drain()
        await self._end(writer)

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        await self._proxy.held_up()
        if writer.can_write_eof():
            writer.write_eof()


class Proxy:
    """Listens on a port of its own, in a thread, and hands on to a server's."""

    def __init__(self, server_port: int) -> None:
        self.n_commits = 0
        """How many commits clients have sent, whatever became of them."""
        self._server_port = server_port
        self._mode = Mode.PASS
        self._skipped, self._commits, self._delay_s = 0, -1, 0.0
        self._connections: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener: asyncio.Server | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.set(Mode.REFUSE)
        self._run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, mode: Mode, *, commits: int = -1, skip: int = 0, delay_s: float = 0.1) -> None:
        """Choose what happens from now on.

        A mode about commits lets `skip` of them pass, is applied to the next `commits` (-1: to all), and ends.
        """
        self._run(self._set(mode, commits, skip, delay_s))

    @contextmanager
    def later(self, mode: Mode, *, after_s: float) -> Iterator[None]:
        """Choose what happens once some time has passed, within a block or at its end."""
        timer = threading.Timer(after_s, self.set, [mode])
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def cut(self) -> None:
        """Cut all connections that are open; new ones are possible."""
        self._run(self._cut())

    def fate_of_commit(self) -> Mode:
        """Return what is to happen to a commit that has arrived, and count it."""
        self.n_commits += 1
        if self._mode not in OF_COMMITS:
            return Mode.PASS
        if self._skipped > 0:
            self._skipped -= 1
            return Mode.PASS
        fate = self._mode
        self._commits -= 1
        if self._commits == 0:
            self._mode = Mode.PASS
        return fate

    async def held_up(self) -> None:
        """Wait as long as the network lets everybody wait."""
        if self._mode is Mode.SLOW:
            await asyncio.sleep(self._delay_s)
        while self._mode is Mode.HANG:
            await self._changed.wait()

    async def _set(self, mode: Mode, commits: int, skip: int, delay_s: float) -> None:
        self._mode, self._commits, self._skipped, self._delay_s = mode, commits, skip, delay_s
        self._changed.set()  # whoever waits looks again
        self._changed.clear()
        if mode is Mode.REFUSE and self._listener is not None:
            self._listener.close()
            self._listener = None
            await self._cut()
        if mode is not Mode.REFUSE:
            await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        for connection in tuple(self._connections):
            connection.cut()

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.held_up()
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:  # a server that is dead
            writer.transport.abort()
            return
        connection = Connection(self, writer, to_server)
        self._connections.add(connection)
        both = (connection.to_server(reader, to_server), connection.to_client(from_server, writer))
        await asyncio.gather(*both, return_exceptions=True)
        connection.cut()
        self._connections.discard(connection)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
