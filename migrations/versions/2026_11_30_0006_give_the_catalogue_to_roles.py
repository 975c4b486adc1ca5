"""Give the catalogue in a Postgres database to an owner role, and to a writer and a reader what they need.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

from trading_assets.storage.database.roles import OWNER, READER, ROLES, WRITER, grant, may_act_as, named, schema_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WRITES = {
    "alerts": "INSERT, UPDATE (n_times, last_at, delivered_at)",
    "audit_trail": "INSERT",
    "catalog_version": "",
    "instruments": "INSERT, UPDATE (tick_size, lot_size)",
    "pointers": "INSERT, UPDATE (version_id, md5, origin)",
    "quality_results": "INSERT",
    "quarantine": "INSERT, UPDATE (accepted_at, dropped_at)",
    "recorded_texts": "INSERT",
    "snapshot_copies": "INSERT, UPDATE (complete_at)",
    "snapshots": "INSERT",
    "tickets": "INSERT, UPDATE (origin, code_digest, outcome, error)",
    "version_inputs": "INSERT",
    "versions": "INSERT, UPDATE (reported_at)",
}
"""What the writer may do with each table beside reading it."""
_MADE = (
    "DO $$ BEGIN CREATE ROLE {name} NOLOGIN; "
    "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"  # by an upgrade of another database
)
_NOT_THE_OWNERS = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm') AND pg_get_userbyid(c.relowner) <> %s"
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = schema_of(connection)
    owner, writer, reader = (named(schema, role) for role in ROLES)
    _make_roles(connection, schema)
    _hand_over(connection, schema, owner)
    op.execute(f"SET LOCAL ROLE {owner}")  # later revisions make their tables as the owner
    op.execute(f'REVOKE ALL ON SCHEMA "{schema}" FROM PUBLIC, {writer}, {reader}')
    op.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO {writer}, {reader}')
    grant(op, _WRITES)


def downgrade() -> None:
    """Take back what was granted; the roles stay, which other databases and users may have."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = schema_of(connection)
    others = f"{named(schema, WRITER)}, {named(schema, READER)}"
    op.execute(f'REVOKE ALL ON ALL TABLES IN SCHEMA "{schema}" FROM {others}')
    op.execute(f'REVOKE ALL ON ALL SEQUENCES IN SCHEMA "{schema}" FROM {others}')
    op.execute(f'REVOKE ALL ON SCHEMA "{schema}" FROM {others}')


def _make_roles(connection: sa.Connection, schema: str) -> None:
    """Make the roles that are not there, which an owner may not do: the user does it himself."""
    there = set(connection.exec_driver_sql("SELECT rolname FROM pg_roles").scalars())
    missing = [name for role in ROLES if (name := named(schema, role)) not in there]
    if missing:
        connection.exec_driver_sql("SET LOCAL ROLE NONE")
    for name in missing:
        connection.exec_driver_sql(_MADE.format(name=name))
    if not may_act_as(connection, named(schema, OWNER)):  # who makes a role may only give it
        connection.exec_driver_sql(f"GRANT {named(schema, OWNER)} TO CURRENT_USER")


def _hand_over(connection: sa.Connection, schema: str, owner: str) -> None:
    """Give the owner the schema, and all tables with their sequences, that whoever upgrades has made himself."""
    sql = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s"
    is_the_owners = connection.exec_driver_sql(sql, (schema,)).scalar_one() == owner
    if not is_the_owners:  # a table's new owner has to be able to make one here
        connection.exec_driver_sql(f'GRANT ALL ON SCHEMA "{schema}" TO {owner}')
    for table in connection.exec_driver_sql(_NOT_THE_OWNERS, (schema, owner)).scalars().all():
        connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {owner}")
    if not is_the_owners:
        connection.exec_driver_sql(f'ALTER SCHEMA "{schema}" OWNER TO {owner}')
