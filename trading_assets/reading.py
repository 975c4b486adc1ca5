"""Read published tables in Python and notebooks.

Belongs here: the window of days a person asks for. Does not: how one partition is found and verified (storage/lake).
"""

from datetime import date

import polars as pl
from sqlalchemy import select

from trading_assets.errors import NotExpected, NotPublished
from trading_assets.identifiers import Instrument, Partition, parse_asset, parse_day
from trading_assets.lacking import lacking, needs_of
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import current_settings
from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.records import Version
from trading_assets.storage.registry import CAPTURES
from trading_assets.storage.snapshots.history import window_at
from trading_assets.storage.snapshots.snapshots import Snapshots


def read_table(
    asset: str,
    instrument: str,
    start: date | str,
    end: date | str,
    *,
    as_of: str | None = None,
    warehouse: Warehouse | None = None,
) -> pl.LazyFrame:
    """Return the published rows of a table over the recorded days from `start` to `end`, both included.

    A day whose recording holds nothing to make the table of has no rows.

    Args:
        asset: the table's name.
        instrument: `SYMBOL.VENUE`.
        start: first day.
        end: last day.
        as_of: a snapshot, to read what stood when it was taken; else what stands now.
        warehouse: where from; the project's by default.

    Raises:
        InvalidIdentifier: the asset, the instrument or a day cannot be one.
        NoSnapshot: there is no such snapshot.
        NotPublished: a recorded day of the window has no published version, or no day was recorded.
        NotExpected: no recorded day of the window can have one.
        CorruptObject: a file's bytes are not those that were published.
    """
    market, name = Instrument.parse(instrument), parse_asset(asset)
    first, last = (parse_day(day) if isinstance(day, str) else day for day in (start, end))
    house = warehouse or Warehouse.open_for_looking(current_settings())
    if as_of is None:
        versions = _standing(name, market, (first, last), house)
    else:
        versions = _stood(name, market, (first, last), house, as_of)
    tables = [house.lake.open(version) for version in versions]
    if not all(isinstance(table, pl.LazyFrame) for table in tables):
        raise NotPublished(f"{asset} is no table: `trading-assets read {asset} PARTITION --out FILE` copies its file")
    return pl.concat([table for table in tables if isinstance(table, pl.LazyFrame)])


def _standing(name: str, market: Instrument, window: tuple[date, date], house: Warehouse) -> list[Version]:
    first, last = window
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
    return [found.get((name, p)) or house.lake.resolve(name, p) for p in partitions]


def _stood(name: str, market: Instrument, window: tuple[date, date], house: Warehouse, as_of: str) -> list[Version]:
    cut = Snapshots(house.lake).find(as_of).cut
    needs = needs_of(name, house)
    found = query(house.lake.engine, lambda session: window_at(session, cut, {CAPTURES, name, *needs}, market, *window))
    bare = {day for (asset, day), version in found.items() if asset in needs and version.n_rows == 0}
    recorded = sorted({day for asset, day in found if asset == CAPTURES} - bare)
    absent = [day for day in recorded if (name, day) not in found]
    if absent or not recorded:
        days = str(absent[0]) if absent else f"any day from {window[0]} to {window[1]}"
        raise NotPublished(f"{name} of {market} on {days} did not stand when snapshot {as_of} was taken")
    return [found[name, day] for day in recorded]


def _ensure_known(asset: str, house: Warehouse) -> None:
    known = query(house.lake.engine, lambda session: sorted(session.scalars(select(PointerRow.asset).distinct())))
    if asset not in known:
        raise NotPublished(f"no asset {asset!r} was ever published; there are: {', '.join(known) or 'none yet'}")
