"""Remember the settings and the sources that attempts were made with, word for word.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recorded_texts",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recorded_texts")),
    )
    op.add_column("tickets", sa.Column("code_digest", sa.String(length=32)))


def downgrade() -> None:
    op.drop_column("tickets", "code_digest")
    op.drop_table("recorded_texts")
