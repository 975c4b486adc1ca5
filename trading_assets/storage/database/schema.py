"""Which schema this code wants the catalogue to have, and which it has: known without importing Alembic.

Belongs here: comparing two names, and what to do where they differ. Does not: making or changing tables (migrate,
migrations).
"""

from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from trading_assets.errors import CatalogFailed
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.transactions import query

VERSION_TABLE: Final = "catalog_version"
SCHEMA: Final = "0007"
"""The newest revision under `migrations/`."""
_AS_OWNER: Final = "run `trading-assets db upgrade` as a member of its owner role (docs/postgres.md)"


def found_schema(engine: Engine) -> str | None:
    """Return the revision that the catalogue has; None where it has no tables yet.

    Raises:
        CatalogFailed: its server cannot be reached or used.
    """
    if engine.dialect.name == POSTGRES:
        return query(engine, _found)
    try:
        return query(engine, _read)
    except DBAPIError:  # there is no such table: who makes it tells of all else that may be wrong
        return None


def is_ready(engine: Engine) -> bool:
    """Tell whether the catalogue can be used as it is; a file that cannot may be upgraded by whoever opens it.

    Raises:
        CatalogFailed: it is on a server, and missing or of another schema: upgrading it is for its owner.
    """
    found = found_schema(engine)
    if found == SCHEMA or engine.dialect.name != POSTGRES:
        return found == SCHEMA
    if found is None:
        user, name, database = query(engine, _who_is_where)
        raise CatalogFailed(
            f"the catalogue: {user} finds none in the schema {name} of the database {database}: {_AS_OWNER}; "
            f"if that was done, have {user} made a member of one of its roles"
        )
    if found > SCHEMA:
        raise CatalogFailed(newer(found))
    raise CatalogFailed(f"the catalogue has schema {found}, and this code wants {SCHEMA}: {_AS_OWNER}")


def newer(found: str) -> str:
    """Say what to do where the catalogue has a schema that only newer code knows."""
    return (
        f"the catalogue has schema {found}, and this code knows none after {SCHEMA}: update trading_assets "
        "(`git pull`, then `make setup`)"
    )


def _found(session: Session) -> str | None:
    is_there = session.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": VERSION_TABLE})
    return _read(session) if is_there else None


def _read(session: Session) -> str | None:
    found = session.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
    return None if found is None else str(found)


def _who_is_where(session: Session) -> tuple[str, str, str]:
    statement = text("SELECT current_user::text, current_setting('search_path'), current_database()::text")
    user, name, database = session.execute(statement).one()
    return user, name, database
