"""What one snapshot is, and reading it from the catalogue.

Belongs here: the record and its rows. Does not: which are looked for, and taking one (snapshots).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from trading_assets.storage.snapshots.manifest import Out, outs_of
from trading_assets.storage.snapshots.tables import SnapshotCopyRow, SnapshotRow


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that stood at one moment."""

    id: int
    name: str
    taken_at: datetime
    taken_by: str
    cut: int
    n_partitions: int
    n_bytes: int
    text: str
    copies: dict[str, datetime]
    """When it was found whole in a remote, by the remote's name."""

    @property
    def outs(self) -> list[Out]:
        """The folders it names."""
        return outs_of(self.text)


def snapshots_of(session: Session, wanted: Select[SnapshotRow]) -> list[Snapshot]:
    """Return the snapshots that a statement finds, each with the remotes that have it whole."""
    return [as_snapshot(row, _copies(session, row.id)) for row in session.scalars(wanted).all()]


def _copies(session: Session, snapshot_id: int) -> dict[str, datetime]:
    rows = session.scalars(select(SnapshotCopyRow).where(SnapshotCopyRow.snapshot_id == snapshot_id))
    return {row.remote: row.complete_at for row in rows}


def as_snapshot(row: SnapshotRow, copies: dict[str, datetime]) -> Snapshot:
    """Return the record of a row."""
    return Snapshot(
        row.id, row.name, row.taken_at, row.taken_by, row.cut, row.n_partitions, row.n_bytes, row.text, copies
    )
