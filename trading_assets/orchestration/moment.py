"""A warehouse as it is at one moment, read once: for whoever asks about hundreds of partitions and changes none.

Belongs here: answering from memory what `Lake` and `Registry` would ask the catalogue for again and again.
Does not: publishing, or anything that has to know what happened since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import Warehouse
from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database import reading
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Version
from trading_assets.storage.registry import Registry
from trading_assets.storage.rows import as_version


@dataclass(frozen=True, slots=True)
class SeenLake(Lake):
    """The standing versions of one instrument."""

    seen: Mapping[tuple[str, Partition], Version]

    def find_all(self, assets: Sequence[str], partitions: Sequence[Partition]) -> dict[tuple[str, Partition], Version]:
        """Return the standing versions of many partitions, all of one moment."""
        keys = ((asset, partition) for asset in assets for partition in partitions)
        return {key: self.seen[key] for key in keys if key in self.seen}


@dataclass(frozen=True, slots=True)
class SeenRegistry(Registry):
    """The registered days of one instrument."""

    days: Sequence[date]

    def registered_days(self, instrument: Instrument) -> list[date]:  # noqa: ARG002 - there is but one
        """Return the days with a published capture, sorted."""
        return list(self.days)


def at_this_moment(warehouse: Warehouse, instrument: Instrument) -> Warehouse:
    """Read everything that stands of one instrument; about others, what is returned knows nothing."""
    engine = warehouse.lake.engine
    with reading(engine) as session:
        rows = session.scalars(select(PointerRow).where(PointerRow.instrument_id == str(instrument)))
        versions = [as_version(row.version) for row in rows]
    seen = {(version.asset, version.partition): version for version in versions}
    days = sorted(partition.day for asset, partition in seen if asset == "captures")
    return replace(warehouse, lake=SeenLake(warehouse.lake.store, engine, seen), registry=SeenRegistry(engine, days))
