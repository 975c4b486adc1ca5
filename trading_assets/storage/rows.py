"""From the lake's records to rows of the catalogue, and back.

Belongs here: what one row says of one record, inside a transaction that somebody else opened.
Does not: when a row is written (lake, attempts).
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session, lazyload

from trading_assets.identifiers import Partition
from trading_assets.storage.catalog import PointerRow, QualityRow, QuarantineRow, VersionInputRow, VersionRow
from trading_assets.storage.records import Draft, Judgement, Origin, Ticket, Version

_OF_JUDGEMENT: Final = tuple(each.name for each in fields(Judgement))
_JUDGED: Final = insert(QualityRow)
_POINTER: Final = (
    select(PointerRow)
    .where(
        PointerRow.asset == bindparam("asset"),
        PointerRow.day == bindparam("day"),
        PointerRow.instrument_id == bindparam("instrument_id"),
    )
    .options(lazyload(PointerRow.version))
)
"""The pointer alone: it says all that decides whether its version goes on standing."""


def record_judgements(session: Session, ticket: Ticket, drafts: Sequence[Draft]) -> None:
    """Keep how every rule judged every draft."""
    key = {"ticket_id": ticket.id, "day": ticket.partition.day, "instrument_id": str(ticket.partition.instrument)}
    rows = [
        {**key, "asset": draft.asset, **{name: getattr(judgement, name) for name in _OF_JUDGEMENT}}
        for draft in drafts
        for judgement in draft.judgements
    ]
    if rows:
        session.execute(_JUDGED, rows)


def as_refusal(
    ticket: Ticket, draft: Draft, n_rows: int | None, origin: Origin, *, place: str, reason: str
) -> QuarantineRow:
    """Return the row of a refused file, with what it would have been published as; `place` is below the lake's root."""
    return QuarantineRow(
        ticket_id=ticket.id,
        asset=draft.asset,
        day=ticket.partition.day,
        instrument_id=str(ticket.partition.instrument),
        md5=draft.file.md5,
        path=place,
        reason=reason[:1024],
        refused_at=datetime.now(UTC),
        suffix=draft.suffix,
        n_bytes=draft.file.n_bytes,
        n_rows=n_rows,
        code_version=origin.code_version,
        settings_digest=origin.settings_digest,
        inputs=[[asset, day.isoformat(), md5] for asset, day, md5 in origin.inputs],
    )


def move_pointer(session: Session, ticket: Ticket, draft: Draft, n_rows: int, origin: Origin) -> VersionRow:
    """Point a partition at a draft; where an equal version stands already, it goes on standing."""
    key = {"asset": draft.asset, "day": ticket.partition.day, "instrument_id": str(ticket.partition.instrument)}
    pointer = session.scalar(_POINTER, key)
    if pointer is not None and (pointer.md5, pointer.origin) == (draft.file.md5, origin.digest):
        return pointer.version
    version = VersionRow(
        **key,
        md5=draft.file.md5,
        suffix=draft.suffix,
        n_bytes=draft.file.n_bytes,
        n_rows=n_rows,
        ticket_id=ticket.id,
        run_id=ticket.run_id,
        code_version=origin.code_version,
        settings_digest=origin.settings_digest,
        published_at=datetime.now(UTC),
        inputs=[VersionInputRow(asset=asset, day=day, md5=md5) for asset, day, md5 in origin.inputs],
    )
    session.add(version)
    session.flush()
    if pointer is None:
        pointer = PointerRow(**key)
        session.add(pointer)
    pointer.version_id, pointer.md5, pointer.origin = version.id, version.md5, origin.digest
    return version


def published_as(session: Session, ticket: Ticket, draft: Draft) -> VersionRow:
    """Return the version that a ticket published a draft as, or that went on standing because it was equal."""
    return session.scalars(
        select(VersionRow)
        .where(
            VersionRow.asset == draft.asset,
            VersionRow.day == ticket.partition.day,
            VersionRow.instrument_id == str(ticket.partition.instrument),
            VersionRow.md5 == draft.file.md5,
        )
        .order_by((VersionRow.ticket_id == ticket.id).desc(), VersionRow.id.desc())
        .limit(1)
    ).one()


def as_version(row: VersionRow) -> Version:
    """Return the record of a row."""
    return Version(
        asset=row.asset,
        partition=Partition.parse(f"{row.day}|{row.instrument_id}"),
        md5=row.md5,
        suffix=row.suffix,
        n_bytes=row.n_bytes,
        n_rows=row.n_rows,
        code_version=row.code_version,
        settings_digest=row.settings_digest,
        run_id=row.run_id,
        published_at=row.published_at,
        inputs=tuple(sorted((i.asset, i.day, i.md5) for i in row.inputs)),
    )
