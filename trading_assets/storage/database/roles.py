"""Who may do what with the catalogue in a Postgres database: an owner, a writer and a reader, with no more than needed.

The three are group roles that nobody logs in as; users are members. They are named after the schema, and roles belong
to a server, so that they may be there already for another of its databases. The owner role owns the schema and every
table, and an upgrade acts as it. The writer is what the code needs and no more: history it can only add to.

Belongs here: the matrix, and granting it. Revisions call `grant` and `named`, which may learn more but keep what they
do; the privileges that a revision grants are written out in it. Does not: connections (postgres), logins (a DBA's).
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from trading_assets.errors import CatalogFailed

OWNER: Final = "owner"
WRITER: Final = "writer"
READER: Final = "reader"
ROLES: Final = (OWNER, WRITER, READER)

WRITES: Final[Mapping[str, str]] = {
    "alerts": "INSERT, UPDATE (n_times, last_at, delivered_at)",
    "audit_trail": "INSERT",
    "catalog_version": "",
    "instruments": "INSERT, UPDATE (tick_size, lot_size)",
    "pointers": "INSERT, UPDATE (version_id, md5, origin)",
    "quality_results": "INSERT",
    "quarantine": "INSERT, UPDATE (accepted_at, dropped_at)",
    "recorded_texts": "INSERT",
    "served_features": "INSERT, DELETE",
    "served_forecasts": "INSERT, DELETE",
    "served_partitions": "INSERT, UPDATE (md5, layout, n_rows, loaded_at)",
    "snapshot_copies": "INSERT, UPDATE (complete_at)",
    "snapshots": "INSERT",
    "tickets": "INSERT, UPDATE (origin, code_digest, outcome, error)",
    "version_inputs": "INSERT",
    "versions": "INSERT, UPDATE (reported_at)",
}
"""What the writer may do with each table beside reading it, as GRANT has it; the reader may read each, and no more."""

_MAY_ACT_AS: Final = {True: "SET", False: "MEMBER"}
"""What asks whether a user may act as a role: since 16 a membership may be without that."""
_SEQUENCES: Final = (
    "SELECT s.oid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') "
    "WHERE s.relkind = 'S' AND d.refobjid = %s::regclass"
)


def named(schema: str, role: str) -> str:
    """Return the name of a schema's role."""
    return f"trading_assets_{schema}_{role}"


def schema_of(connection: Connection) -> str:
    """Return the schema that is all of the session's search path."""
    return str(connection.exec_driver_sql("SHOW search_path").scalar_one()).strip('"')


def grant(op: Any, writes: Mapping[str, str]) -> None:  # noqa: ANN401 - Alembic's
    """Let the reader read tables, and the writer that and what is said of each; on SQLite nobody needs it.

    Args:
        op: Alembic's operations.
        writes: privileges beside SELECT, as GRANT has them and separated by commas, by table.
    """
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = schema_of(connection)
    writer, reader = named(schema, WRITER), named(schema, READER)
    for table, privileges in writes.items():
        where = f'"{schema}"."{table}"'
        connection.exec_driver_sql(f"REVOKE ALL ON {where} FROM PUBLIC, {writer}, {reader}")
        connection.exec_driver_sql(f"GRANT SELECT ON {where} TO {reader}")
        connection.exec_driver_sql(f"GRANT {', '.join(filter(None, ('SELECT', privileges)))} ON {where} TO {writer}")
        for sequence in connection.exec_driver_sql(_SEQUENCES, (where,)).scalars().all():
            connection.exec_driver_sql(f"REVOKE ALL ON SEQUENCE {sequence} FROM PUBLIC, {writer}, {reader}")
            if "INSERT" in privileges:
                connection.exec_driver_sql(f"GRANT USAGE ON SEQUENCE {sequence} TO {writer}")


def act_as_owner(connection: Connection) -> None:
    """Make the schema where there is none, and act as its owner from here to the end of the transaction.

    Where the roles are not there yet, the user stays who he is: the revision that makes them hands everything over.

    Raises:
        CatalogFailed: the user may not do this; the message says what he lacks.
    """
    schema = schema_of(connection)
    owner = named(schema, OWNER)
    user, database, may_create, may_make_roles = connection.exec_driver_sql(
        "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE'), "
        "rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).one()
    is_there = set(
        connection.exec_driver_sql(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", ([named(schema, role) for role in ROLES],)
        ).scalars()
    )
    missing = [name for role in ROLES if (name := named(schema, role)) not in is_there]
    if missing and not may_make_roles:
        raise CatalogFailed(
            f"the catalogue: {user} may not make the roles {', '.join(missing)}: have a DBA make them, or give {user} "
            "CREATEROLE for the first upgrade (docs/postgres.md)"
        )
    if owner in is_there and not may_act_as(connection, owner):
        raise CatalogFailed(
            f"the catalogue: {user} may not upgrade it, being no member of {owner}: run it as one who is, or have a "
            f"DBA GRANT {owner} TO {user}"
        )
    found = connection.exec_driver_sql(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s", (schema,)
    ).scalar()
    if found is None:
        if not may_create:
            raise CatalogFailed(
                f"the catalogue: {user} may not make the schema {schema}: have a DBA make it, or GRANT CREATE ON "
                f"DATABASE {database} TO {user} for the first upgrade (docs/postgres.md)"
            )
        authorization = f" AUTHORIZATION {owner}" if owner in is_there else ""
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"{authorization}')
    elif (
        found != owner
        and not connection.exec_driver_sql("SELECT has_schema_privilege(%s, 'CREATE')", (schema,)).scalar()
    ):
        raise CatalogFailed(
            f"the catalogue: the schema {schema} is {found}'s, where {user} may make no tables: have a DBA run ALTER "
            f"SCHEMA {schema} OWNER TO {owner}"
        )
    if owner in is_there and found in {None, owner}:
        connection.exec_driver_sql(f"SET LOCAL ROLE {owner}")


def may_act_as(connection: Connection, role: str) -> bool:
    """Tell whether the user may act as a role."""
    is_16 = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) >= 160000  # noqa: PLR2004 - 16.0
    sql = "SELECT pg_has_role(%s, %s)"
    return bool(connection.exec_driver_sql(sql, (role, _MAY_ACT_AS[is_16])).scalar_one())
