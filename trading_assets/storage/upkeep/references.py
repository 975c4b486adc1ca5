"""Which objects of the store anything refers to: what must be had again, its origins, and what was superseded when.

Belongs here: reading the catalogue's references. Does not: removing anything (retention), measuring bytes (usage).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, exists, func, select, union
from sqlalchemy.orm import Session, aliased

from trading_assets.storage.catalog import PointerRow, UtcDateTime, VersionInputRow, VersionRow
from trading_assets.storage.snapshots.tables import SnapshotRow

MODEL: Final = "model"
"""The asset whose every version is referred to for good: by MLflow, and by whoever noted its md5."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """An object that nothing which stands is, or was made from."""

    md5: str
    since: datetime
    """When the last version with these bytes ceased to stand."""
    was: str
    """Asset and partition of that version."""


def needed(session: Session) -> set[str]:
    """Return the md5 of every version that must be had again, and of all that these were made from, however far back.

    Those are the standing versions, those that a snapshot names, and every model that ever stood: they are what lets a
    number be traced to bytes, and a model be made again from the features that it was trained on.
    """
    roots = union(
        select(PointerRow.version_id.label("id")),
        _named_by_snapshots(),
        select(VersionRow.id).where(VersionRow.asset == MODEL),
    ).subquery()
    live = select(roots.c.id).cte("live", recursive=True)
    made, source = aliased(VersionRow), aliased(VersionRow)
    behind = (
        select(source.id)
        .join(
            VersionInputRow,
            (VersionInputRow.asset == source.asset)
            & (VersionInputRow.day == source.day)
            & (VersionInputRow.md5 == source.md5),
        )
        .join(made, (made.id == VersionInputRow.version_id) & (made.instrument_id == source.instrument_id))
        .join(live, live.c.id == made.id)
    )
    everything = live.union(behind)
    versions = select(VersionRow.md5).join(everything, everything.c.id == VersionRow.id)
    inputs = select(VersionInputRow.md5).join(everything, everything.c.id == VersionInputRow.version_id)
    return {*session.scalars(versions), *session.scalars(inputs)}


def _named_by_snapshots() -> Select[int]:
    """Find the versions that stood when a snapshot was taken: not yet superseded at its cut."""
    next_id = func.lead(VersionRow.id).over(
        partition_by=(VersionRow.asset, VersionRow.day, VersionRow.instrument_id), order_by=VersionRow.id
    )
    lives = select(VersionRow.id, next_id.label("next_id")).subquery()
    is_named = exists().where(
        SnapshotRow.cut >= lives.c.id, (lives.c.next_id.is_(None)) | (SnapshotRow.cut < lives.c.next_id)
    )
    return select(lives.c.id).where(is_named)


def superseded(session: Session) -> dict[str, Superseded]:
    """Return, by md5, every published object that nothing standing needs."""
    kept = needed(session)
    next_at = func.lead(VersionRow.published_at, type_=UtcDateTime).over(
        partition_by=(VersionRow.asset, VersionRow.day, VersionRow.instrument_id), order_by=VersionRow.id
    )
    statement = select(VersionRow.md5, next_at, VersionRow.asset, VersionRow.day, VersionRow.instrument_id)
    found: dict[str, Superseded] = {}
    for md5, since, asset, day, instrument_id in session.execute(statement):
        if md5 in kept or since is None:
            continue
        if md5 not in found or found[md5].since < since:
            found[md5] = Superseded(md5, since, f"{asset} {day}|{instrument_id}")
    return found


def published(session: Session) -> set[str]:
    """Return the md5 of every version that ever stood."""
    return set(session.scalars(select(VersionRow.md5).distinct()))
