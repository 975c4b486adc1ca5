"""As much of libpq's protocol as tells a commit from everything else.

A message is a letter, its length in four bytes (which count themselves), and its content; the first messages of a
client have no letter. Source: Postgres' documentation, "Message Formats".
"""

import re
from collections.abc import Iterator

COMMIT = re.compile(rb"(?:^|;)\s*(?:COMMIT|END)\b(?!\s+PREPARED)", re.IGNORECASE)
ASKS_FOR_ENCRYPTION = {(1234 << 16) + 5679, (1234 << 16) + 5680}
CANCELS = (1234 << 16) + 5678
TLS = 0x16
"""The first byte of a handshake; the first of a message that has no letter is zero."""


class ClientStream:
    """What a client has sent that does not make a whole message yet, and the commits that it has prepared."""

    def __init__(self) -> None:
        self._buffer = b""
        self._is_started = False
        self._is_opaque = False
        self._prepared: set[bytes] = set()

    def messages(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Return the messages that are whole now, and of each whether it commits."""
        self._buffer += data
        while message := self._next():
            self._buffer = self._buffer[len(message) :]
            yield message, self._is_started and not self._is_opaque and self._commits(message)
            self._start(message)

    def _next(self) -> bytes:
        if self._is_opaque or (self._buffer and not self._is_started and self._buffer[0] == TLS):
            self._is_opaque = True
            return self._buffer
        start = 1 if self._is_started else 0
        length = start + int.from_bytes(self._buffer[start : start + 4], "big")
        return self._buffer[:length] if len(self._buffer) >= max(length, start + 4) else b""

    def _start(self, message: bytes) -> None:
        if not self._is_started and not self._is_opaque:
            code = int.from_bytes(message[4:8], "big")
            self._is_started = code not in ASKS_FOR_ENCRYPTION
            self._is_opaque = code == CANCELS

    def _commits(self, message: bytes) -> bool:
        """Whether a message makes the server commit: a query, or the execution of one that was prepared.

        Psycopg sends commits as queries (Q), in pipelines as unnamed prepared statements (P, then B).
        """
        kind, content = message[:1], message[5:]
        if kind == b"Q":
            return COMMIT.search(content) is not None
        if kind == b"P":
            name, sql = content.split(b"\0", 2)[:2]
            (self._prepared.add if COMMIT.search(sql) else self._prepared.discard)(name)
            return False
        return kind == b"B" and content.split(b"\0", 2)[1] in self._prepared


def ends_an_answer(answer: bytes) -> bool:
    """Whether a server's answer is whole: it is ready for the next query (Z)."""
    start = 0
    while len(answer) >= start + 5:
        end = start + 1 + int.from_bytes(answer[start + 1 : start + 5], "big")
        if answer[start : start + 1] == b"Z" and len(answer) >= end:
            return True
        start = end
    return False
