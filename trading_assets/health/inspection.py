"""Whether a catalogue is what this code takes it for: its schema, its tables, and who may do what.

Belongs here: comparing, with nothing changed. Does not: changing it (migrate), printing (cli).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from trading_assets.serving import tables as served  # noqa: F401 - tables of Base
from trading_assets.storage.catalog import Base
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.roles import OWNER, READER, ROLES, WRITER, WRITES, may_act_as, named, schema_of
from trading_assets.storage.database.schema import SCHEMA, VERSION_TABLE, found_schema
from trading_assets.storage.database.transactions import query
from trading_assets.storage.snapshots import tables  # noqa: F401 - tables of Base too

_PARTITIONS: Final = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relispartition AND n.nspname = current_schema()"
)
_GRANTED: Final = (
    "SELECT c.relname, r.rolname, a.privilege_type, NULL FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner "
    "UNION ALL SELECT c.relname, r.rolname, a.privilege_type, t.attname FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute t ON t.attrelid = c.oid, "
    "aclexplode(t.attacl) a JOIN pg_roles r ON r.oid = a.grantee WHERE n.nspname = current_schema()"
)
_TO_EVERYBODY: Final = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a "
    "WHERE n.nspname = current_schema() AND a.grantee = 0 ORDER BY 1"
)
_NOT_THE_OWNERS: Final = (
    "SELECT c.relname, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'S') AND pg_get_userbyid(c.relowner) <> %s "
    "ORDER BY 1"
)
_VERB: Final = re.compile(r"(\w+)(?: \(([^)]*)\))?(?:, |$)")
Privilege = tuple[str, str, str, str | None]
"""Table, role, verb, and the column if it is for one."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a catalogue was found to be."""

    found: str | None
    """Its schema."""
    wanted: str
    user: str | None
    """Who asked; None for a file."""
    roles: tuple[str, ...]
    """Of owner, writer and reader those that the user may act as."""
    differences: tuple[str, ...]
    """What of its tables and privileges is not as this code has it; empty where the schema is another."""


def check_catalog(engine: Engine) -> Inspected:
    """Hold a catalogue against the models and the matrix of roles.

    Raises:
        CatalogFailed: its server cannot be reached or used.
    """
    found = found_schema(engine)

    def work(session: Session) -> Inspected:
        connection = session.connection()
        user, roles = _user(connection) if engine.dialect.name == POSTGRES else (None, ())
        differences = (*table_differences(connection), *role_differences(connection)) if found == SCHEMA else ()
        return Inspected(found, SCHEMA, user, roles, differences)

    return query(engine, work)


def comparison(connection: Connection) -> dict[str, Any]:
    """Return how Alembic compares tables with models: partitions belong to their table, and are no tables of ours."""
    is_server = connection.dialect.name == POSTGRES
    partitions = set(connection.exec_driver_sql(_PARTITIONS).scalars()) if is_server else set()

    def include_name(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
        return kind != "table" or name not in partitions

    return {"version_table": VERSION_TABLE, "compare_type": True, "include_name": include_name}


def table_differences(connection: Connection) -> Iterator[str]:
    """Yield what of the tables is not as in the models."""
    context = MigrationContext.configure(connection, opts=comparison(connection))
    for each in compare_metadata(context, Base.metadata):
        for verb, *rest in each if isinstance(each, list) else [each]:
            yield f"{verb.replace('_', ' ')}: {' '.join(str(part) for part in rest if part is not None)}"


def role_differences(connection: Connection) -> Iterator[str]:
    """Yield who may do more or less than the matrix says, and what is not the owner's; nothing for a file."""
    if connection.dialect.name != POSTGRES:
        return
    schema = schema_of(connection)
    names = {named(schema, role): role for role in ROLES}
    wanted = set(matrix())
    rows = connection.exec_driver_sql(_GRANTED).all()
    found: set[Privilege] = {(table, names.get(role) or role, verb, column) for table, role, verb, column in rows}
    yield from (f"{_told(each)} is granted, and should not be" for each in sorted(found - wanted, key=str))
    yield from (f"{_told(each)} is not granted" for each in sorted(wanted - found, key=str))
    for table in connection.exec_driver_sql(_TO_EVERYBODY).scalars().all():
        yield f"{table} is granted to everybody"
    for table, other in connection.exec_driver_sql(_NOT_THE_OWNERS, (named(schema, OWNER),)).all():
        yield f"{table} is owned by {other}, and should be by {named(schema, OWNER)}"


def matrix() -> Iterator[Privilege]:
    """Yield every privilege that the matrix of roles gives to the writer and the reader."""
    for table, writes in WRITES.items():
        yield table, READER, "SELECT", None
        yield table, WRITER, "SELECT", None
        for verb, columns in _VERB.findall(writes):
            yield from ((table, WRITER, verb, column) for column in (columns.split(", ") if columns else [None]))


def _user(connection: Connection) -> tuple[str, tuple[str, ...]]:
    schema = schema_of(connection)
    there = set(connection.exec_driver_sql("SELECT rolname FROM pg_roles").scalars())
    mine = (role for role in ROLES if named(schema, role) in there and may_act_as(connection, named(schema, role)))
    return str(connection.exec_driver_sql("SELECT current_user").scalar_one()), tuple(mine)


def _told(privilege: Privilege) -> str:
    table, role, verb, column = privilege
    return f"{verb} on {table}{f'.{column}' if column else ''} to {role}"
