"""A client that verifies its server lets in the sound certificate, and each other not for its own reason."""

from pathlib import Path

import psycopg
import pytest
from certificates import Authority, install, self_signed
from postgres_server import PostgresServer, postgres_server
from proxy import Proxy


def connect(port: int, root: Path, host: str = "localhost") -> None:
    where = {"hostaddr": "127.0.0.1"} if host == "localhost" else {}
    psycopg.connect(
        host=host, port=port, user="postgres", sslmode="verify-full", sslrootcert=str(root), **where
    ).close()


def refusal(server: PostgresServer, root: Path) -> str:
    with pytest.raises(psycopg.OperationalError) as refused:
        connect(server.port, root)
    return str(refused.value)


def test_only_a_sound_certificate_of_the_trusted_authority_is_let_in(tmp_path: Path) -> None:
    authority = Authority()
    root = authority.root(tmp_path)
    with postgres_server() as server, Proxy(server.port) as proxy:
        assert "server does not support SSL" in refusal(server, root)
        install(server, authority.certificate())
        for host in ("localhost", "127.0.0.1"):
            connect(server.port, root, host)
        connect(proxy.port, root)
        install(server, authority.expired())
        assert "certificate verify failed" in refusal(server, root)
        install(server, authority.for_another_host())
        assert "does not match host name" in refusal(server, root)
        install(server, self_signed())
        assert "certificate verify failed" in refusal(server, root)
        install(server, Authority().certificate())
        assert "certificate verify failed" in refusal(server, root)
        install(server, authority.certificate())
        connect(server.port, root)
