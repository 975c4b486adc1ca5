"""What stands, of thousands of partitions at once, in one query and no more than a plan asks for.

Belongs here: reading pointers in bulk. Does not: one version as it was recorded (lake), or what follows from them
(orchestration/plan).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Engine, String, and_, cast, func, select
from sqlalchemy.orm import Session

from trading_assets.storage.catalog import InstrumentRow, PointerRow, VersionRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.records import Version
from trading_assets.storage.registry import TickRules, as_rules
from trading_assets.storage.rows import as_version

_BETWEEN: Final = " "
"""Between the words of an aggregate: neither days nor digests have it."""
_AT_ONCE: Final = 500
"""Days that one query names: databases bound how many values a statement may have."""


class Stands(NamedTuple):
    """What stands of one asset of one instrument, by the day's ordinal number (`date.toordinal`)."""

    md5s: dict[int, str]
    origins: dict[int, str]
    """What it was computed from and by, as a digest."""


def standing_of(session: Session, instruments: Sequence[str] | None) -> dict[str, dict[str, Stands]]:
    """Read what stands, by instrument and asset; of all instruments for None.

    The database joins the days of an asset into one text, three words each, so that a row here is an asset and not a
    partition: a tenth of the time.
    """
    entry = cast(PointerRow.day, String) + _BETWEEN + PointerRow.md5 + _BETWEEN + PointerRow.origin
    statement = select(PointerRow.instrument_id, PointerRow.asset, func.aggregate_strings(entry, _BETWEEN)).group_by(
        PointerRow.instrument_id, PointerRow.asset
    )
    if instruments is not None:
        statement = statement.where(PointerRow.instrument_id.in_(instruments))
    found: dict[str, dict[str, Stands]] = {}
    known: dict[str, int] = {}
    for instrument, asset, text in session.execute(statement):
        found.setdefault(instrument, {})[asset] = _entries(text, known)
    return found


def _entries(text: str, known: dict[str, int]) -> Stands:
    words = text.split(_BETWEEN)
    names, md5s, origins = words[::3], words[1::3], words[2::3]
    for name in set(names) - known.keys():
        known[name] = date.fromisoformat(name).toordinal()
    days = [known[name] for name in names]
    return Stands(dict(zip(days, md5s, strict=True)), dict(zip(days, origins, strict=True)))


def bare_days(
    session: Session, assets: Sequence[str], instruments: Sequence[str] | None
) -> dict[str, dict[str, frozenset[int]]]:
    """Read on which days (ordinals) a version without any row stands, by instrument and asset; of all for None."""
    statement = (
        select(VersionRow.instrument_id, VersionRow.asset, VersionRow.day)
        .join(
            PointerRow,
            and_(  # by its key: else a database may walk through all pointers, of whatever asset
                PointerRow.instrument_id == VersionRow.instrument_id,
                PointerRow.asset == VersionRow.asset,
                PointerRow.day == VersionRow.day,
                PointerRow.version_id == VersionRow.id,
            ),
        )
        .where(VersionRow.asset.in_(assets), VersionRow.n_rows == 0)
    )
    if instruments is not None:
        statement = statement.where(VersionRow.instrument_id.in_(instruments))
    found: dict[str, dict[str, frozenset[int]]] = {}
    for instrument, asset, day in session.execute(statement) if assets else ():
        of_market = found.setdefault(instrument, {})
        of_market[asset] = of_market.get(asset, frozenset()) | {day.toordinal()}
    return found


def rules_of(session: Session, instruments: Sequence[str] | None) -> dict[str, TickRules]:
    """Read the tick rules of instruments, registered ones only; of all of them for None."""
    statement = select(InstrumentRow)
    if instruments is not None:
        statement = statement.where(InstrumentRow.instrument_id.in_(instruments))
    return {row.instrument_id: as_rules(row) for row in session.scalars(statement)}


def versions_of(
    engine: Engine, assets: Sequence[str], instrument: str, days: Iterable[date]
) -> dict[tuple[str, date], Version]:
    """Return the standing versions of some days of an instrument, as they were recorded."""
    wanted = sorted(set(days))
    found: dict[tuple[str, date], Version] = {}

    def look(session: Session) -> dict[tuple[str, date], Version]:
        for at in range(0, len(wanted), _AT_ONCE):
            statement = (
                select(VersionRow)
                .join(PointerRow, PointerRow.version_id == VersionRow.id)
                .where(
                    PointerRow.instrument_id == instrument,
                    PointerRow.asset.in_(assets),
                    PointerRow.day.in_(wanted[at : at + _AT_ONCE]),
                )
            )
            for row in session.scalars(statement):
                found[row.asset, row.day] = as_version(row)
        return found

    return query(engine, look)


def n_rows_of(engine: Engine, instrument: str) -> dict[tuple[str, date], int]:
    """Return how many rows each standing version of an instrument has, by asset and day."""
    statement = (
        select(PointerRow.asset, PointerRow.day, VersionRow.n_rows)
        .join(VersionRow, PointerRow.version_id == VersionRow.id)
        .where(PointerRow.instrument_id == instrument)
    )
    return query(engine, lambda session: {(asset, day): n_rows for asset, day, n_rows in session.execute(statement)})
