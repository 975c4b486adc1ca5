"""Which of the standing versions a person vouched for.

Belongs here: reading it. Does not: vouching (acceptance).
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Engine, and_, select
from sqlalchemy.orm import Session

from trading_assets.identifiers import Instrument, Partition
from trading_assets.storage.catalog import PointerRow, QuarantineRow, VersionRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.upkeep.audit import ACCEPT, Act, newest_by_subject, subject_of


def acceptances(engine: Engine, assets: Sequence[str], instrument: Instrument) -> dict[tuple[str, date], Act]:
    """Return, for each standing version of an instrument that a person accepted, who did and why."""
    found = all_acceptances(engine, assets, [instrument])
    return {(asset, partition.day): act for (asset, partition), act in found.items()}


def all_acceptances(
    engine: Engine, assets: Sequence[str], instruments: Sequence[Instrument] | None
) -> dict[tuple[str, Partition], Act]:
    """Return the same of several instruments; of all of them for None."""
    of_instruments = [] if instruments is None else [QuarantineRow.instrument_id.in_(map(str, instruments))]
    statement = (
        select(VersionRow.asset, VersionRow.day, VersionRow.instrument_id, VersionRow.ticket_id)
        .join(
            PointerRow,
            and_(  # by its key: else a database may walk through all pointers, and mostly for nothing
                PointerRow.instrument_id == VersionRow.instrument_id,
                PointerRow.asset == VersionRow.asset,
                PointerRow.day == VersionRow.day,
                PointerRow.version_id == VersionRow.id,
            ),
        )
        .join(
            QuarantineRow,
            and_(
                QuarantineRow.ticket_id == VersionRow.ticket_id,
                QuarantineRow.asset == VersionRow.asset,
                # said of both, so that the few rows of the quarantine are read first and lead to their versions
                QuarantineRow.day == VersionRow.day,
                QuarantineRow.instrument_id == VersionRow.instrument_id,
            ),
        )
        .where(QuarantineRow.accepted_at.is_not(None), QuarantineRow.asset.in_(assets), *of_instruments)
    )

    def look(session: Session) -> dict[tuple[str, Partition], Act]:
        partitions = [
            (asset, Partition(day, Instrument.parse(name)), ticket)
            for asset, day, name, ticket in session.execute(statement)
        ]
        named = {subject_of(asset, partition, ticket): (asset, partition) for asset, partition, ticket in partitions}
        acts = newest_by_subject(session, ACCEPT, list(named))
        return {named[subject]: act for subject, act in acts.items()}

    return query(engine, look)
