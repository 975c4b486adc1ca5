"""The catalogue's tables: what was published, from what, how it was judged, and what was refused.

Belongs here: the SQLAlchemy models, and nothing that opens a connection (database) or decides (lake).
The schema is made by the revisions under `migrations/` only; a test holds the two against each other.
"""

from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from trading_assets.identifiers import MAX_LENGTH

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Name = String(MAX_LENGTH)
Digest = String(32)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back on the way out, and Postgres gives the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Store in UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return with the zone."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables of the catalogue, in one metadata with named constraints."""

    metadata = MetaData(naming_convention=NAMING)


class InstrumentRow(Base):
    """A market that was recorded, with its tick and lot size where they are known from the venue or the user."""

    __tablename__ = "instruments"

    instrument_id: Mapped[str] = mapped_column(Name, primary_key=True)
    symbol: Mapped[str] = mapped_column(Name)
    venue: Mapped[str] = mapped_column(Name)
    tick_size: Mapped[str | None] = mapped_column(String(32))
    lot_size: Mapped[str | None] = mapped_column(String(32))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketRow(Base):
    """A claim on publishing one step's partition; the newest claim wins, whoever finishes first.

    It is also the attempt itself: `outcome` stays null while the holder works, and for ever where it was killed.
    """

    __tablename__ = "tickets"
    __table_args__ = (Index(None, "step", "day", "instrument_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    step: Mapped[str] = mapped_column(Name)
    day: Mapped[date]
    instrument_id: Mapped[str] = mapped_column(Name)
    run_id: Mapped[str] = mapped_column(Name)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_by: Mapped[str | None] = mapped_column(String(32))
    """The automation that asked for it; null where a person did."""
    origin: Mapped[str | None] = mapped_column(Digest)
    """Digest of everything the attempt was made from: attempts with the same origin are the same attempt again."""
    code_digest: Mapped[str | None] = mapped_column(Digest)
    """Digest of the sources it was made with, whose text is recorded; no part of its origin."""
    outcome: Mapped[str | None] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(String(1024))


class VersionRow(Base):
    """One published version of one partition of one asset: history, never rewritten."""

    __tablename__ = "versions"
    __table_args__ = (Index(None, "asset", "day", "instrument_id"), Index(None, "md5"), Index(None, "reported_at"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    asset: Mapped[str] = mapped_column(Name)
    day: Mapped[date]
    instrument_id: Mapped[str] = mapped_column(Name)
    md5: Mapped[str] = mapped_column(Digest)
    suffix: Mapped[str] = mapped_column(String(16))
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    n_rows: Mapped[int] = mapped_column(BigInteger)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    run_id: Mapped[str] = mapped_column(Name)
    code_version: Mapped[str] = mapped_column(Name)
    settings_digest: Mapped[str] = mapped_column(Digest)
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When Dagster's event log had it; null where a crash came between."""
    inputs: Mapped[list["VersionInputRow"]] = relationship(lazy="selectin")


class VersionInputRow(Base):
    """One upstream version that a version was computed from."""

    __tablename__ = "version_inputs"

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(Name, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    md5: Mapped[str] = mapped_column(Digest)


class PointerRow(Base):
    """What readers get: the standing version of a partition. Moved by publication alone.

    All that a plan has to know of a version is repeated here, and rows lie in the order in which plans read them:
    whoever asks about all partitions reads this table from end to end and no other.
    """

    __tablename__ = "pointers"
    __table_args__ = (PrimaryKeyConstraint("instrument_id", "asset", "day"), {"sqlite_with_rowid": False})

    instrument_id: Mapped[str] = mapped_column(Name)
    asset: Mapped[str] = mapped_column(Name)
    day: Mapped[date]
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    md5: Mapped[str] = mapped_column(Digest)
    origin: Mapped[str] = mapped_column(Digest)
    """Digest of what the version was computed from and by."""
    version: Mapped[VersionRow] = relationship(lazy="joined")


class QualityRow(Base):
    """How one rule of the gate judged one staged file, published or not."""

    __tablename__ = "quality_results"
    __table_args__ = (Index(None, "asset", "day", "instrument_id"),)

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(Name, primary_key=True)
    rule: Mapped[str] = mapped_column(Name, primary_key=True)
    day: Mapped[date]
    instrument_id: Mapped[str] = mapped_column(Name)
    measure: Mapped[str] = mapped_column(Name)
    value: Mapped[float | None]
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]
    passed: Mapped[bool]


class QuarantineRow(Base):
    """A staged file that was refused, where it lies, why, and what it would have been published as."""

    __tablename__ = "quarantine"
    __table_args__ = (Index(None, "asset", "day", "instrument_id"),)

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(Name, primary_key=True)
    day: Mapped[date]
    instrument_id: Mapped[str] = mapped_column(Name)
    md5: Mapped[str] = mapped_column(Digest)
    path: Mapped[str] = mapped_column(String(512))
    reason: Mapped[str] = mapped_column(String(1024))
    refused_at: Mapped[datetime] = mapped_column(UtcDateTime)
    suffix: Mapped[str | None] = mapped_column(String(16))
    n_bytes: Mapped[int | None] = mapped_column(BigInteger)
    n_rows: Mapped[int | None] = mapped_column(BigInteger)
    code_version: Mapped[str | None] = mapped_column(Name)
    settings_digest: Mapped[str | None] = mapped_column(Digest)
    inputs: Mapped[Any | None] = mapped_column(JSON)
    """The upstream versions as a list of asset, day and md5."""
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dropped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecordedRow(Base):
    """What a digest stands for, word for word: settings that something was made with, or sources."""

    __tablename__ = "recorded_texts"

    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class AuditRow(Base):
    """What a person, or retention on a person's behalf, did to the data beside the graph: never rewritten."""

    __tablename__ = "audit_trail"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    acted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(Name)
    act: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(1024))


class AlertRow(Base):
    """Something a person was told about, once for each subject, however often it happened."""

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(String(1024))
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    n_times: Mapped[int]
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
