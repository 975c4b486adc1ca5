"""Which schema this code wants the catalogue to have, and which it has: known without importing Alembic.

Belongs here: comparing two names. Does not: making or changing tables (migrate, migrations).
"""

from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

VERSION_TABLE: Final = "catalog_version"
SCHEMA: Final = "0005"
"""The newest revision under `migrations/`."""


def is_current(engine: Engine) -> bool:
    """Tell whether the catalogue is there and has the schema that this code wants."""
    try:
        with engine.connect() as connection:
            found = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
    except DBAPIError:  # there is no such table: who makes it tells of all else that may be wrong
        return False
    return bool(found == SCHEMA)
