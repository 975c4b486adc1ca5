"""Let pointers say what plans ask for, and lie in the order in which plans read them.

Revision: 0003, after 0002
"""

import hashlib
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_AT_ONCE = 10_000
"""Rows that are held in memory."""


def upgrade() -> None:
    op.execute("CREATE TABLE pointers_kept AS SELECT asset, day, instrument_id, version_id FROM pointers")
    op.drop_table("pointers")
    pointers = op.create_table(
        "pointers",
        *_columns("instrument_id", "asset", "day", "version_id"),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_pointers_version_id_versions")),
        sa.PrimaryKeyConstraint("instrument_id", "asset", "day", name=op.f("pk_pointers")),
        sqlite_with_rowid=False,
    )
    rows = _filled()
    while some := list(islice(rows, _AT_ONCE)):
        op.bulk_insert(pointers, some)
    op.drop_table("pointers_kept")


def downgrade() -> None:
    op.execute("CREATE TABLE pointers_kept AS SELECT asset, day, instrument_id, version_id FROM pointers")
    op.drop_table("pointers")
    op.create_table(
        "pointers",
        *_columns("asset", "day", "instrument_id", "version_id"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_pointers_version_id_versions")),
        sa.PrimaryKeyConstraint("asset", "day", "instrument_id", name=op.f("pk_pointers")),
    )
    op.execute("INSERT INTO pointers SELECT asset, day, instrument_id, version_id FROM pointers_kept")
    op.drop_table("pointers_kept")


def _columns(*names: str) -> list[sa.Column[Any]]:
    types = {"day": sa.Date(), "version_id": sa.Integer()}
    return [sa.Column(name, types.get(name, sa.String(length=64)), nullable=False) for name in names]


def _filled() -> Iterator[dict[str, Any]]:
    """Yield every pointer with the md5 of its version, and the digest of what that was made from."""
    kept = sa.table("pointers_kept", *_columns("asset", "day", "instrument_id", "version_id"))
    versions = sa.table("versions", *map(sa.column, ("id", "md5", "code_version", "settings_digest")))
    inputs = sa.table("version_inputs", *map(sa.column, ("version_id", "asset", "md5")), sa.column("day", sa.Date()))
    statement = (
        sa.select(kept, versions.c.md5, versions.c.code_version, versions.c.settings_digest)
        .add_columns(inputs.c.asset.label("of"), inputs.c.day.label("at"), inputs.c.md5.label("read"))
        .join_from(kept, versions, versions.c.id == kept.c.version_id)
        .outerjoin(inputs, inputs.c.version_id == kept.c.version_id)
        .order_by(kept.c.version_id)
        .execution_options(yield_per=_AT_ONCE)
    )
    for _, group in groupby(op.get_bind().execute(statement), key=lambda row: row.version_id):
        made = list(group)
        first = made[0]
        read = sorted((row.of, row.at, row.read) for row in made if row.of is not None)
        lines = "".join(f"{asset} {day} {md5}\n" for asset, day, md5 in read)
        text = f"{first.code_version}\n{first.settings_digest}\n{lines}"
        yield {
            **{column.name: getattr(first, column.name) for column in kept.columns},
            "md5": first.md5,
            "origin": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        }
