"""Servers on this machine that take, refuse or sit on messages, as webhooks and mail servers do."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "s3cr3t-t0ken"


class Webhook:
    """An HTTP server that keeps what it was sent, and answers with a status of choice."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.messages: list[dict[str, Any]] = []
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                box.messages.append(json.loads(body))
                self.send_response(box.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.server.server_port}/{SECRET}"

    @property
    def text(self) -> str:
        return "\n".join(message["message"] for message in self.messages)


@contextmanager
def webhook(status: int = 200) -> Iterator[Webhook]:
    """A webhook that listens while the block lasts."""
    box = Webhook(status)
    thread = threading.Thread(target=box.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.server.shutdown()
        box.server.server_close()


def dead_url() -> str:
    """A webhook where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}"


@contextmanager
def hanging_url() -> Iterator[str]:
    """A webhook that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"json://user:{SECRET}@127.0.0.1:{server.getsockname()[1]}/{SECRET}"


class _MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over one message."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                for text in iter(self.rfile.readline, b".\r\n"):
                    self.server.lines.append(text.decode().rstrip("\r\n"))  # type: ignore[attr-defined]  # ours
            self._say("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[tuple[str, list[str]]]:
    """A mail server's URL, and the lines of the messages it took."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailServer) as server:
        lines: list[str] = []
        server.lines = lines  # type: ignore[attr-defined]  # ours
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"mailto://127.0.0.1:{server.server_address[1]}/?from=graph@example.org&to=desk@example.org", lines
        server.shutdown()
