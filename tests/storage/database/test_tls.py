"""What a catalogue's client takes for its server: certificates that are wrong in one way, none, and renewed ones."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from catalogues import pointed_at
from certificates import Authority, Certificate, install, self_signed
from loguru import logger
from postgres_server import PostgresServer, postgres_server
from sqlalchemy.orm import Session

from trading_assets.errors import CatalogFailed, InvalidSettings
from trading_assets.settings import Settings
from trading_assets.storage.database.engines import open_engine, open_for_looking
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.database.transactions import query, transact

AUTHORITY = Authority()
BOTH = pytest.mark.parametrize("opened", [open_engine, open_for_looking])
Opened = Callable[[Settings], sa.Engine]
OF_AUTHORITY = (
    "SSL error: certificate verify failed: the server's certificate has expired, or is of an authority that "
    "sslrootcert does not have: renew it, or name the file of its authority in catalog.url, as sslrootcert=FILE"
)
UNSOUND: dict[str, tuple[Callable[[], Certificate], str]] = {
    "expired": (AUTHORITY.expired, OF_AUTHORITY),
    "self-signed": (self_signed, OF_AUTHORITY),
    "of another authority": (lambda: Authority().certificate(), OF_AUTHORITY),
    "for another host": (
        AUTHORITY.for_another_host,
        'does not match host name "127.0.0.1": name the server in catalog.url as its certificate does, or renew that',
    ),
}
SECRET = "of-somebody@and%nobody"


@pytest.fixture(scope="module")
def tls_server() -> Iterator[PostgresServer]:
    with postgres_server(scram=True) as started:
        started.run_sql(f"CREATE ROLE somebody LOGIN PASSWORD '{SECRET}'")
        yield started


@pytest.fixture
def sound(tls_server: PostgresServer) -> PostgresServer:
    """The server with a certificate that the authority vouches for."""
    install(tls_server, AUTHORITY.certificate())
    return tls_server


def ask(engine: sa.Engine) -> bool:
    """Ask by the way that all reading takes, and tell whether the connection is encrypted."""
    statement = sa.text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    return query(engine, lambda session: bool(session.scalar(statement)))


def write(engine: sa.Engine) -> None:
    transact(engine, lambda session: session.execute(sa.text("SELECT 1")))


def counted(patch: pytest.MonkeyPatch) -> list[int]:
    """Count how often a connection is tried."""
    tries: list[int] = []
    connect = psycopg.connect

    def count(*given: Any, **named: Any) -> Any:
        tries.append(1)
        return connect(*given, **named)

    patch.setattr(psycopg, "connect", count)
    return tries


def refused(engine: sa.Engine, act: Callable[[sa.Engine], object]) -> str:
    """Return in what words an act was refused, at its first try."""
    with pytest.MonkeyPatch.context() as patch:
        tries = counted(patch)
        with pytest.raises(CatalogFailed) as told:
            act(engine)
    assert [1] == tries
    assert "\n" not in str(told.value)
    return str(told.value)


@BOTH
def test_a_sound_certificate_is_let_in_and_the_connection_is_encrypted(
    sound: PostgresServer, settings: Settings, tmp_path: Path, opened: Opened
) -> None:
    url = sound.url(sslrootcert=str(AUTHORITY.root(tmp_path)))

    assert ask(opened(pointed_at(settings, url)))


@BOTH
@pytest.mark.parametrize("kind", UNSOUND)
def test_an_unsound_certificate_is_refused_at_once_with_what_to_do(
    sound: PostgresServer, settings: Settings, tmp_path: Path, kind: str, opened: Opened
) -> None:
    certificate, words = UNSOUND[kind]
    install(sound, certificate())
    settings = pointed_at(settings, sound.url(sslrootcert=str(AUTHORITY.root(tmp_path))))

    assert refused(opened(settings), ask).endswith(words)
    assert refused(open_engine(settings), write).endswith(words)
    assert refused(open_engine(settings), lambda engine: upgrade_catalog(engine, tmp_path)).endswith(words)


def test_a_server_without_tls_is_refused_unless_the_address_says_otherwise(settings: Settings, tmp_path: Path) -> None:
    with postgres_server() as plain:
        settings = pointed_at(settings, plain.url(sslrootcert=str(AUTHORITY.root(tmp_path))))

        assert "server does not support SSL, but SSL was required: switch TLS on" in refused(open_engine(settings), ask)
        assert not ask(open_engine(pointed_at(settings, plain.url(sslmode="disable"))))


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_an_authority_that_is_not_there_is_named(
    sound: PostgresServer, settings: Settings, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "root.crt"
    if content is not None:
        path.write_bytes(content)

    words = refused(open_engine(pointed_at(settings, sound.url(sslrootcert=str(path)))), ask)

    assert str(path) in words
    assert words.endswith("name the file of its authority in catalog.url, as sslrootcert=FILE")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_production_refuses_to_trust_any_server(settings: Settings, mode: str) -> None:
    production = settings.model_copy(update={"environment": "production"})
    url = f"postgresql+psycopg://somebody:{SECRET[:6]}@db.example/trading_assets?sslmode={mode}"

    for opened in (open_engine, open_for_looking):
        with pytest.raises(InvalidSettings, match=f"sslmode={mode} would trust .* has to be verify-full") as told:
            opened(pointed_at(production, url))
        assert SECRET[:6] not in str(told.value)


@BOTH
def test_a_renewed_certificate_is_in_use_without_a_restart(
    sound: PostgresServer, settings: Settings, tmp_path: Path, opened: Opened
) -> None:
    url = sound.url(sslrootcert=str(AUTHORITY.root(tmp_path)))
    engine = opened(pointed_at(settings, url, pool_recycle_s=0.001))
    assert ask(engine)

    install(sound, AUTHORITY.expired())
    with pytest.raises(CatalogFailed):
        ask(engine)
    install(sound, AUTHORITY.certificate())

    assert ask(engine)


@BOTH
def test_an_authority_that_is_added_to_the_file_is_trusted_without_a_restart(
    sound: PostgresServer, settings: Settings, tmp_path: Path, opened: Opened
) -> None:
    root, other = AUTHORITY.root(tmp_path), Authority()
    engine = opened(pointed_at(settings, sound.url(sslrootcert=str(root)), pool_recycle_s=0.001))
    assert ask(engine)

    install(sound, other.certificate())
    with pytest.raises(CatalogFailed):
        ask(engine)
    (tmp_path / "other").mkdir()
    root.write_bytes(root.read_bytes() + other.root(tmp_path / "other").read_bytes())
    assert ask(engine)
    install(sound, AUTHORITY.certificate())

    assert ask(engine)


def test_a_certificate_that_expires_does_not_end_connections_that_are_open(
    sound: PostgresServer, settings: Settings, tmp_path: Path
) -> None:
    engine = open_engine(pointed_at(settings, sound.url(sslrootcert=str(AUTHORITY.root(tmp_path)))))
    with Session(engine) as session:
        session.execute(sa.text("SELECT 1"))
        install(sound, AUTHORITY.expired())

        assert 1 == session.scalar(sa.text("SELECT 1"))


@pytest.mark.parametrize("wrong", ["password", "database", "user", "port"])
def test_no_password_is_in_what_is_said_or_logged(
    sound: PostgresServer, settings: Settings, tmp_path: Path, wrong: str
) -> None:
    given = {"user": "somebody", "password": SECRET, "database": "postgres"}
    if wrong in given:
        given[wrong] = f"{SECRET}-not" if wrong == "password" else "no_such_thing"
    url = sa.make_url(sound.url(**given, sslrootcert=str(AUTHORITY.root(tmp_path))))
    url = url.set(port=1) if wrong == "port" else url
    engine = open_engine(pointed_at(settings, url.render_as_string(hide_password=False), retry_s=0.5))
    logged: list[str] = []
    sink = logger.add(logged.append, level="TRACE", diagnose=False)
    with pytest.raises(CatalogFailed) as told:
        write(engine)
    logger.opt(exception=told.value).error("it failed")
    logger.remove(sink)

    said = "".join([*traceback.format_exception(told.value), *logged, repr(engine), repr(settings)])
    assert [] == [part for part in (SECRET, url.render_as_string(hide_password=False)) if part in said]


@pytest.mark.parametrize("password", ["pa55/word", "pa55:word@", "pa55@word:1", "pa55#word/"])
def test_an_address_that_cannot_be_read_is_not_repeated(settings: Settings, password: str) -> None:
    for kind in ("postgresql+psycopg", "postgresql psycopg"):
        with pytest.raises((InvalidSettings, CatalogFailed)) as told:
            open_engine(pointed_at(settings, f"{kind}://somebody:{password}@127.0.0.1:x/db"))

        assert "pa55" not in "".join(traceback.format_exception(told.value))
