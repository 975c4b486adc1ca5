"""Remember snapshots, and which remotes have them whole.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=64), nullable=False),
        sa.Column("cut", sa.BigInteger(), nullable=False),
        sa.Column("n_partitions", sa.Integer(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("name", name=op.f("uq_snapshots_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_snapshots_cut"), "snapshots", ["cut"])
    op.create_table(
        "snapshot_copies",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("remote", sa.String(length=64), nullable=False),
        sa.Column("complete_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshots.id"], name=op.f("fk_snapshot_copies_snapshot_id_snapshots")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "remote", name=op.f("pk_snapshot_copies")),
    )


def downgrade() -> None:
    op.drop_table("snapshot_copies")
    op.drop_index(op.f("ix_snapshots_cut"), "snapshots")
    op.drop_table("snapshots")
