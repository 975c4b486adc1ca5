"""The catalogue of a test: a file under its root, or with `--catalog postgres` a database of its own.

A database is named after its root, so that every process which knows the root finds it, and is a copy of one that was
upgraded once. It sorts by a language, as servers do and SQLite does not: an order that has to be the same is asked for.
"""

import hashlib
import os
from enum import StrEnum
from functools import cache
from pathlib import Path

import psycopg
from postgres_server import PostgresServer
from pydantic import SecretStr
from sqlalchemy import make_url

from trading_assets.settings import Settings, load_settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import upgrade_catalog

PROJECT = Path(__file__).resolve().parents[2]
SERVER = "TESTS_POSTGRES_URL"
"""Where this session's server is, for its own processes and for those that they start."""
URL = "TRADING_ASSETS_CATALOG__URL"


class Content(StrEnum):
    """What is in a database that a test is given."""

    NOTHING = "template_nothing"
    TABLES = "template_tables"


_roots: dict[Path, str] = {}
"""The databases that this process has made or found, by root."""


def serve(server: PostgresServer) -> None:
    """Have all catalogues of this session on a server: make those that others are copies of."""
    for content in Content:
        server.run_sql(f"CREATE DATABASE {content} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    os.environ[SERVER] = server.url(sslmode="disable")
    settings = _with_url(load_settings(PROJECT, environment="development"), url_of(Content.TABLES))
    engine = open_engine(settings)
    upgrade_catalog(engine, PROJECT / "migrations")
    engine.dispose()


def fresh_catalog(root: Path, content: Content = Content.TABLES) -> str | None:
    """Return the URL of a root's database, made if it is not there; None where the catalogue is a file."""
    if SERVER not in os.environ:
        return None
    if root not in _roots:
        _roots[root] = name_of(root)
        _copied(content, name_of(root))
    return url_of(name_of(root))


def copy_catalog(source: Path, target: Path) -> None:
    """Put a copy of one root's catalogue in the place of another's; files are copied with the folder that has them.

    Then `adopt_copy` is to be called.
    """
    for path in (target / "var").glob("catalog.sqlite*"):  # a log that stayed would be replayed into the other one
        path.unlink()
    if SERVER in os.environ:
        _run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name_of(source))
        _run(f"DROP DATABASE IF EXISTS {name_of(target)} WITH (FORCE)")
        _roots[target] = name_of(target)
        _copied(name_of(source), name_of(target))


def adopt_copy(source: Path, target: Path) -> None:
    """Let a lake that was copied, perhaps by links, have the catalogue that was copied for it."""
    note = target / "var" / "lake" / "catalog-name.txt"
    if SERVER in os.environ and note.exists():
        text = note.read_text()
        note.unlink()
        note.write_text(text.replace(name_of(source), name_of(target)))


def drop_catalogs(folder: Path) -> None:
    """Drop the databases of all roots in a folder, whoever is still connected."""
    for root in [root for root in _roots if root.is_relative_to(folder)]:
        _run(f"DROP DATABASE IF EXISTS {_roots.pop(root)} WITH (FORCE)")


def settings_in(root: Path, *, project: Path = PROJECT, content: Content = Content.TABLES) -> Settings:
    """Return a project's settings over a root, and its catalogue."""
    return over(root, load_settings(project, environment="development"), content=content)


def over(root: Path, settings: Settings, *, content: Content = Content.TABLES) -> Settings:
    """Return settings over a root, and its catalogue."""
    settings = settings.model_copy(update={"root": root})
    url = fresh_catalog(root, content)
    return settings if url is None else _with_url(settings, url)


def environment_of(root: Path) -> dict[str, str]:
    """Return what tells a process of a root's catalogue."""
    url = fresh_catalog(root)
    return {} if url is None else {URL: url}


def name_of(root: Path) -> str:
    """Return the name of a root's database."""
    return f"catalog_{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}"


def url_of(database: str) -> str:
    """Return the URL of a database on this session's server."""
    return make_url(os.environ[SERVER]).set(database=database).render_as_string(hide_password=False)


def _with_url(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"catalog": settings.catalog.model_copy(update={"url": SecretStr(url)})})


def _copied(source: str, target: str) -> None:
    try:
        _run(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY file_copy")
    except psycopg.errors.DuplicateDatabase:
        return  # another process has made it


def _run(sql: str, *values: str) -> None:
    _connected(os.environ[SERVER]).execute(sql.encode(), values or None)


@cache
def _connected(url: str) -> "psycopg.Connection[tuple[object]]":
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True)
