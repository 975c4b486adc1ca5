"""Read published tables in Python and notebooks.

Belongs here: the window of days a person asks for. Does not: how one partition is found and verified (storage/lake).
"""

from datetime import date

import polars as pl
from sqlalchemy import select

from trading_assets.errors import NotExpected, NotPublished
from trading_assets.identifiers import Instrument, Partition, parse_asset, parse_day
from trading_assets.orchestration.execute import Warehouse
from trading_assets.orchestration.lacking import lacking
from trading_assets.settings import current_settings
from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database import reading


def read_table(
    asset: str, instrument: str, start: date | str, end: date | str, *, warehouse: Warehouse | None = None
) -> pl.LazyFrame:
    """Return the published rows of a table over the recorded days from `start` to `end`, both included.

    A day whose recording holds nothing to make the table of has no rows.

    Raises:
        InvalidIdentifier: the asset, the instrument or a day cannot be one.
        NotPublished: a recorded day of the window has no published version, or no day was recorded.
        NotExpected: no recorded day of the window can have one.
        CorruptObject: a file's bytes are not those that were published.
    """
    market, name = Instrument.parse(instrument), parse_asset(asset)
    first, last = (parse_day(day) if isinstance(day, str) else day for day in (start, end))
    house = warehouse or Warehouse.open(current_settings())
    partitions = [Partition(day, market) for day in house.registry.registered_days(market) if first <= day <= last]
    if not partitions:
        raise NotPublished(f"nothing of {market} was recorded from {first} to {last}: see `trading-assets status`")
    found = house.lake.find_all([name], partitions)
    if len(found) < len(partitions):
        bare = lacking(name, market, house)
        partitions = [p for p in partitions if (name, p) in found or p.day not in bare]
        if not partitions:
            raise NotExpected(
                f"there can be no {name} of {market} from {first} to {last}: {', '.join(set(bare.values()))}"
            )
    if not found:
        _ensure_known(name, house)
    versions = [found.get((name, p)) or house.lake.resolve(name, p) for p in partitions]
    tables = [house.lake.open(version) for version in versions]
    if not all(isinstance(table, pl.LazyFrame) for table in tables):
        raise NotPublished(f"{asset} is no table: `trading-assets read {asset} PARTITION --out FILE` copies its file")
    return pl.concat([table for table in tables if isinstance(table, pl.LazyFrame)])


def _ensure_known(asset: str, house: Warehouse) -> None:
    with reading(house.lake.engine) as session:
        known = sorted(session.scalars(select(PointerRow.asset).distinct()))
    if asset not in known:
        raise NotPublished(f"no asset {asset!r} was ever published; there are: {', '.join(known) or 'none yet'}")
