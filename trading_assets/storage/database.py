"""Engines and transactions of the catalogue.

Belongs here: how a connection is opened and how a transaction begins.
Does not: tables (catalog), or what is written in them (lake, registry).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from trading_assets.settings import Settings
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect


def open_engine(settings: Settings) -> Engine:
    """Open the catalogue's engine; a relative SQLite path is taken from the project's root."""
    url = make_url(settings.catalog.url.get_secret_value())
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        path = settings.path(Path(url.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        url = url.set(database=str(path))
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        _make_transactional(engine, busy_ms=round(settings.catalog.busy_timeout_s * 1000))
    return engine


def _make_transactional(engine: Engine, *, busy_ms: int) -> None:
    """Take transactions, DDL included, out of the hands of sqlite3's legacy autocommit."""

    @event.listens_for(engine, "connect")
    def configure(connection: SQLiteConnection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout={busy_ms}", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open one consistent view of the catalogue."""
    with Session(engine) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open one transaction that is committed whole or not at all.

    On SQLite it takes the write lock at once: a transaction that reads and then decides must not find,
    when it writes, that another came between.
    """
    eager = engine.execution_options(begin="BEGIN IMMEDIATE")
    with Session(eager, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def committing(engine: Engine, effect: Effect) -> Iterator[Session]:
    """Open a transaction of publication, whose commit is one numbered effect."""
    effects.passing(Effect.TRANSACTION_BEGUN)
    with writing(engine) as session:
        yield session
        session.flush()
        effects.passing(effect)
