"""Whether anything in the catalogue changed, for whoever looks at it again and again.

Belongs here: one cheap number of everything that a status depends on. Does not: the status (orchestration/plan).
"""

from sqlalchemy import Engine, func, select

from trading_assets.storage.catalog import InstrumentRow, QuarantineRow, TicketRow, VersionRow
from trading_assets.storage.database.transactions import query


def pulse(engine: Engine) -> tuple[int | None, ...]:
    """Return counts that are equal only while nothing was attempted, published, refused or decided in between."""
    counts = (
        func.max(TicketRow.id),
        func.count(TicketRow.outcome),
        func.max(VersionRow.id),
        func.count(QuarantineRow.accepted_at),
        func.count(QuarantineRow.dropped_at),
        func.count(InstrumentRow.instrument_id),
    )
    return query(engine, lambda session: tuple(session.scalars(select(count)).one() for count in counts))
