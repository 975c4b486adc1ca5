"""What stood at a moment of the past, from the history that the catalogue keeps.

Versions are numbered in the order in which they came to stand: the writers of pointers exclude each other until their
commit. So one number says what stood: of each partition the newest version whose own number is not greater.

Belongs here: reading that history. Does not: what stands now (overview, lake), naming a moment (snapshots).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from trading_assets.identifiers import Instrument
from trading_assets.storage.catalog import VersionRow
from trading_assets.storage.records import Version
from trading_assets.storage.rows import as_version


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One version as a snapshot names it."""

    asset: str
    path: str
    """Where the file lies below the folder of its asset: `<day>/<instrument>.<suffix>`."""
    md5: str
    n_bytes: int
    n_rows: int


def newest_version(session: Session) -> int:
    """Return the number that says what stands now; 0 while nothing does."""
    return session.scalar(select(func.max(VersionRow.id))) or 0


def standing_at(session: Session, cut: int, asset: str | None = None) -> Iterator[Entry]:
    """Yield what stood at a moment, of one asset or of all."""
    yield from _entries(session, _newest(cut, [] if asset is None else [VersionRow.asset == asset]))


def changed_at(session: Session, *, since: int, until: int) -> Iterator[Entry]:
    """Yield what stood at `until` of those partitions that were published after `since`."""
    yield from _entries(session, _newest(until, [VersionRow.id > since]))


def stood_before(session: Session, *, since: int, until: int) -> Iterator[Entry]:
    """Yield what stood at `since` of those partitions that were published again by `until`."""
    later = (
        select(VersionRow.asset, VersionRow.day, VersionRow.instrument_id)
        .where(VersionRow.id > since, VersionRow.id <= until)
        .distinct()
        .subquery()
    )
    newest = (
        select(func.max(VersionRow.id))
        .join(
            later,
            (later.c.asset == VersionRow.asset)
            & (later.c.day == VersionRow.day)
            & (later.c.instrument_id == VersionRow.instrument_id),
        )
        .where(VersionRow.id <= since)
        .group_by(VersionRow.asset, VersionRow.day, VersionRow.instrument_id)
    )
    yield from _entries(session, newest)


def window_at(
    session: Session, cut: int, assets: Iterable[str], instrument: Instrument, first: date, last: date
) -> dict[tuple[str, date], Version]:
    """Return what stood at a moment of some assets of an instrument, by asset and day, over some days."""
    among = [
        VersionRow.asset.in_(list(assets)),
        VersionRow.instrument_id == str(instrument),
        VersionRow.day.between(first, last),
    ]
    rows = session.scalars(select(VersionRow).where(VersionRow.id.in_(_newest(cut, among))))
    return {(row.asset, row.day): as_version(row) for row in rows}


def _newest(cut: int, among: list[ColumnElement[bool]]) -> Select[int]:
    return (
        select(func.max(VersionRow.id))
        .where(VersionRow.id <= cut, *among)
        .group_by(VersionRow.asset, VersionRow.day, VersionRow.instrument_id)
    )


def _entries(session: Session, numbers: Select[int]) -> Iterator[Entry]:
    row = VersionRow
    columns = (row.asset, row.day, row.instrument_id, row.suffix, row.md5, row.n_bytes, row.n_rows)
    for asset, day, instrument, suffix, md5, n_bytes, n_rows in session.execute(
        select(*columns).where(row.id.in_(numbers))
    ):
        yield Entry(asset, f"{day}/{instrument}.{suffix}", md5, n_bytes, n_rows)
