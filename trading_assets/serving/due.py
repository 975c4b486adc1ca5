"""Which partitions stand and are not served as they stand.

Belongs here: the question, asked of all partitions at once. Does not: loading them (load).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Engine, and_, or_, select

from trading_assets.identifiers import Instrument, Partition
from trading_assets.serving.tables import LAYOUTS, ServedPartitionRow
from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database.transactions import query

_SERVED_TOO: Final = and_(
    ServedPartitionRow.instrument_id == PointerRow.instrument_id,
    ServedPartitionRow.asset == PointerRow.asset,
    ServedPartitionRow.day == PointerRow.day,
)


@dataclass(frozen=True, slots=True)
class Due:
    """A partition whose standing version has to be loaded."""

    asset: str
    partition: Partition
    md5: str
    is_served: bool
    """Whether another version of it is served until then."""


def due(
    engine: Engine, instruments: Sequence[Instrument] | None = None, first: date = date.min, last: date = date.max
) -> list[Due]:
    """List what has to be loaded, day by day.

    Args:
        engine: the catalogue's.
        instruments: of which instruments; None for all.
        first: the first day.
        last: the last day, included.
    """
    is_other = or_(
        ServedPartitionRow.md5.is_(None),
        ServedPartitionRow.md5 != PointerRow.md5,
        *(and_(PointerRow.asset == asset, ServedPartitionRow.layout != layout) for asset, layout in LAYOUTS.items()),
    )
    statement = (
        select(PointerRow.asset, PointerRow.day, PointerRow.instrument_id, PointerRow.md5, ServedPartitionRow.md5)
        .outerjoin(ServedPartitionRow, _SERVED_TOO)
        .where(PointerRow.asset.in_(LAYOUTS), PointerRow.day.between(first, last), is_other)
        .order_by(PointerRow.day, PointerRow.instrument_id, PointerRow.asset)
    )
    if instruments is not None:
        statement = statement.where(PointerRow.instrument_id.in_([str(each) for each in instruments]))
    return query(
        engine,
        lambda session: [
            Due(asset, Partition(day, Instrument.parse(instrument)), md5, served is not None)
            for asset, day, instrument, md5, served in session.execute(statement)
        ],
    )
