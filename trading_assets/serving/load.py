"""Load a published partition into the table that serves it: all of a version or all of the one before, never a mix.

A load is one transaction. Killed anywhere it leaves what was there; done twice it finds what the first did. What is
loaded is what stands when it is committed: it holds the catalogue's write lock, so no pointer moves meanwhile.

Belongs here: the order of a load. Does not: which partitions are due (due), how rows are written (write).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import polars as pl
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from trading_assets.identifiers import Partition
from trading_assets.raw.blocks import blocks
from trading_assets.schema import TS_GRID
from trading_assets.serving.shape import shaped, span
from trading_assets.serving.tables import INSTRUMENT_ID, LAYOUTS, SERVED, ServedPartitionRow
from trading_assets.serving.write import write
from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database.transactions import TRANSACTION_S, query, transact
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Version

_SLOWEST: Final = 5_000
"""Rows a second below which a load is cut off, beside the time that any transaction may take."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a partition's rows in its table are."""

    version: Version
    n_rows: int


def load(lake: Lake, asset: str, partition: Partition) -> Served:
    """Serve what stands of a partition; where it is served already, nothing is read or written.

    Raises:
        NotPublished: nothing stands.
        CorruptObject: its bytes are not those that were published.
        NotServable: the table cannot hold its ticks.
        CatalogFailed: the database cannot be reached or used, or did not take the rows in time.
    """
    while True:
        version = lake.resolve(asset, partition)
        served = query(lake.engine, partial(_as_served, version=version)) or _loaded(lake, version)
        if served is not None:
            return served


def _loaded(lake: Lake, version: Version) -> Served | None:
    """Load a version; None where it no longer stands."""
    table = lake.open(version)
    if not isinstance(table, pl.LazyFrame):
        raise TypeError(f"{version.asset} is no table")

    def work(session: Session) -> Served | None:
        if _standing(session, version) != version.md5:
            return None
        if served := _as_served(session, version):
            return served
        _remove(session, version)
        n_rows = write(session.connection(), SERVED[version.asset], _rows(table, version))
        session.merge(_row(version, n_rows))
        return Served(version, n_rows)

    return transact(_patient(lake.engine, version), work)


def _patient(engine: Engine, version: Version) -> Engine:
    """Give a load the time that its rows take, beside that of any transaction."""
    usual = engine.get_execution_options().get(TRANSACTION_S)
    return engine if usual is None else engine.execution_options(**{TRANSACTION_S: usual + version.n_rows / _SLOWEST})


def _rows(table: pl.LazyFrame, version: Version) -> Iterator[pl.DataFrame]:
    return (shaped(block, version.asset, version.partition) for block in blocks(table))


def _standing(session: Session, version: Version) -> str | None:
    return session.scalar(
        select(PointerRow.md5).where(
            PointerRow.instrument_id == str(version.partition.instrument),
            PointerRow.asset == version.asset,
            PointerRow.day == version.partition.day,
        )
    )


def _as_served(session: Session, version: Version) -> Served | None:
    """Return what is loaded if it is this version, in the columns that the table has now."""
    key = (str(version.partition.instrument), version.asset, version.partition.day)
    row = session.get(ServedPartitionRow, key)
    if row is None or (row.md5, row.layout) != (version.md5, LAYOUTS[version.asset]):
        return None
    return Served(version, row.n_rows)


def _remove(session: Session, version: Version) -> None:
    """Remove the partition's rows: of one instrument, whose ticks lie in the day, as the primary key has them."""
    table = SERVED[version.asset]
    first, after = span(version.partition)
    session.execute(
        delete(table).where(
            table.c[INSTRUMENT_ID] == str(version.partition.instrument),
            table.c[TS_GRID] >= first,
            table.c[TS_GRID] < after,
        )
    )


def _row(version: Version, n_rows: int) -> ServedPartitionRow:
    return ServedPartitionRow(
        instrument_id=str(version.partition.instrument),
        asset=version.asset,
        day=version.partition.day,
        md5=version.md5,
        layout=LAYOUTS[version.asset],
        n_rows=n_rows,
        loaded_at=datetime.now(UTC),
    )
