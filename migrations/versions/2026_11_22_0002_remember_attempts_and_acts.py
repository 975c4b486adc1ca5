"""Remember attempts, what Dagster knows, what people did with refused files, and alerts.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def added() -> dict[str, list[sa.Column]]:
    """Columns that are new, by table."""
    return {
        "tickets": [
            sa.Column("requested_by", sa.String(length=32), nullable=True),
            sa.Column("origin", sa.String(length=32), nullable=True),
            sa.Column("outcome", sa.String(length=16), nullable=True),
            sa.Column("error", sa.String(length=1024), nullable=True),
        ],
        "versions": [sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True)],
        "quarantine": [
            sa.Column("suffix", sa.String(length=16), nullable=True),
            sa.Column("n_bytes", sa.BigInteger(), nullable=True),
            sa.Column("n_rows", sa.BigInteger(), nullable=True),
            sa.Column("code_version", sa.String(length=64), nullable=True),
            sa.Column("settings_digest", sa.String(length=32), nullable=True),
            sa.Column("inputs", sa.JSON(), nullable=True),
            sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        ],
    }


def upgrade() -> None:
    for table, columns in added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index(op.f("ix_versions_reported_at"), "versions", ["reported_at"], unique=False)
    op.create_table(
        "audit_trail",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_trail")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("message", sa.String(length=1024), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_times", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_alerts_kind_subject")),
    )


def downgrade() -> None:
    op.drop_table("alerts")
    op.drop_table("audit_trail")
    op.drop_index(op.f("ix_versions_reported_at"), table_name="versions")
    for table, columns in reversed(added().items()):
        with op.batch_alter_table(table) as batch:
            for column in reversed(columns):
                batch.drop_column(column.name)
