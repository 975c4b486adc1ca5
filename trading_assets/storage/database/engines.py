"""Engines of the catalogue: one for whoever decides and writes, one for whoever only looks.

Belongs here: choosing a database by the settings. Does not: how each kind is opened (sqlite, postgres), transactions.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from trading_assets.errors import InvalidSettings
from trading_assets.settings import Settings

POSTGRES: Final = "postgresql"


def open_engine(settings: Settings) -> Engine:
    """Open the catalogue to decide and write: on SQLite the file, on Postgres the primary and no other server.

    Raises:
        InvalidSettings: `catalog.url` names another kind of database, or a way to it that is not safe.
    """
    return _opened(settings, is_for_looking=False)


def open_for_looking(settings: Settings) -> Engine:
    """Open the catalogue to look: on Postgres a standby where there is one, so that looking never needs the primary.

    Raises:
        InvalidSettings: as for `open_engine`.
    """
    return _opened(settings, is_for_looking=True)


def catalog_url(settings: Settings) -> URL:
    """Return the catalogue's address; a relative SQLite path is taken from the project's root.

    Raises:
        InvalidSettings: it is none; the message does not repeat it, since it may have a password.
    """
    try:
        url = make_url(settings.catalog.url.get_secret_value())
    except (ArgumentError, ValueError):
        raise InvalidSettings(
            "settings: catalog.url is no URL such as postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE: in a user "
            "or a password write %40 for @, %2F for / and %3A for :"
        ) from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(database=str(settings.path(Path(url.database))))
    return url


def _opened(settings: Settings, *, is_for_looking: bool) -> Engine:
    url = catalog_url(settings)
    kind = url.get_backend_name()
    if kind == "sqlite":
        from trading_assets.storage.database.sqlite import open_sqlite  # noqa: PLC0415 - one of the two

        return open_sqlite(url, busy_timeout_s=settings.catalog.busy_timeout_s)
    if kind != POSTGRES:
        raise InvalidSettings(
            f"settings: catalog.url: {kind} is not supported: write sqlite:/// or postgresql+psycopg://"
        )
    from trading_assets.storage.database.postgres import open_postgres  # noqa: PLC0415 - psycopg is slow to import

    return open_postgres(url, settings, is_for_looking=is_for_looking)
