"""What Dagster's event log knows of what is published: versions are marked when it has them.

Belongs here: the mark, and finding what lacks it. Does not: reporting (orchestration/upkeep/reconcile).
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from trading_assets.storage.catalog import PointerRow, VersionRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.storage.records import Version
from trading_assets.storage.rows import as_version


def mark_reported(engine: Engine, versions: Iterable[Version]) -> None:
    """Note that Dagster's event log has these versions."""
    marks = [
        update(VersionRow)
        .where(
            VersionRow.asset == version.asset,
            VersionRow.day == version.partition.day,
            VersionRow.instrument_id == str(version.partition.instrument),
            VersionRow.md5 == version.md5,
            VersionRow.reported_at.is_(None),
        )
        .values(reported_at=datetime.now(UTC))
        for version in versions
    ]

    def work(session: Session) -> None:
        for mark in marks:
            session.execute(mark)

    transact(engine, work)


def unreported(engine: Engine) -> list[Version]:
    """Return the standing versions that are not marked, in the order of their publication."""
    statement = (
        select(VersionRow)
        .join(PointerRow, PointerRow.version_id == VersionRow.id)
        .where(VersionRow.reported_at.is_(None))
        .order_by(VersionRow.id)
    )
    return query(engine, lambda session: [as_version(row) for row in session.scalars(statement)])
