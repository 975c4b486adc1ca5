"""The catalogue's tables of snapshots: what each of them names, and where it is complete.

Belongs here: the SQLAlchemy models. Does not: when a row is written (snapshots, copies).
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from trading_assets.storage.catalog import Base, Name, UtcDateTime


class SnapshotRow(Base):
    """Everything that stood at one moment: never rewritten."""

    __tablename__ = "snapshots"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_by: Mapped[str] = mapped_column(Name)
    cut: Mapped[int] = mapped_column(BigInteger, index=True)
    """The id of the newest version it names: of each partition it names the newest that is not newer."""
    n_partitions: Mapped[int]
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    """The `data.dvc` that names the same objects to DVC."""


class SnapshotCopyRow(Base):
    """A remote that has every object of a snapshot: written once they were all seen there."""

    __tablename__ = "snapshot_copies"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.id"), primary_key=True)
    remote: Mapped[str] = mapped_column(Name, primary_key=True)
    complete_at: Mapped[datetime] = mapped_column(UtcDateTime)
