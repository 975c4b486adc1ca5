"""The tables that consumers query: features and forecasts a row a tick, and which version of each partition is loaded.

Columns follow from the features and horizons of the default settings, so that adding a feature asks for a revision: a
test holds revisions and tables against each other. What other settings publish beside these goes into one column of
JSON, and what they do not publish is null, so that loading never has to change a table.

Belongs here: the tables of SQLAlchemy. Does not: what is loaded when (load, due), how rows are written (write).
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import JSON, BigInteger, Column, Date, Double, PrimaryKeyConstraint, String, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from trading_assets import schema
from trading_assets.features.matrix import feature_schema
from trading_assets.schema import TS_GRID
from trading_assets.sections import FeatureSettings, LabelSettings
from trading_assets.serving.names import BOOK_FEATURES, FORECASTS
from trading_assets.storage.catalog import Base, Digest, Name, UtcDateTime

INSTRUMENT_ID: Final = "instrument_id"
DAY: Final = "day"
OTHERS: Final = "others"
"""What a version has beside the table's columns, as one object of JSON a row; null where there is nothing."""
CHILDREN: Final = 8
"""Parts of a table on Postgres, each with the instruments whose names hash to it: no day or market asks for another."""

_TYPES: Final[Mapping[pl.DataType, TypeEngine[Any]]] = {
    pl.Float64(): Double(),
    pl.Int64(): BigInteger(),
    pl.String(): String(64),
}


def _served(name: str, columns: Mapping[str, pl.DataType]) -> Table:
    return Table(
        name,
        Base.metadata,
        Column(INSTRUMENT_ID, Name, primary_key=True),
        Column(TS_GRID, UtcDateTime, primary_key=True),
        Column(DAY, Date, nullable=False),
        *(Column(each, _TYPES[dtype]) for each, dtype in columns.items() if each != TS_GRID),
        Column(OTHERS, JSON().with_variant(JSONB(), "postgresql")),
        postgresql_partition_by=f"HASH ({INSTRUMENT_ID})",
    )


DTYPES: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    BOOK_FEATURES: feature_schema(FeatureSettings()),
    FORECASTS: schema.forecasts(LabelSettings().horizons_s),
}
"""The columns that are taken from an asset, as it publishes them."""
SERVED: Final[Mapping[str, Table]] = {
    BOOK_FEATURES: _served("served_features", DTYPES[BOOK_FEATURES]),
    FORECASTS: _served("served_forecasts", DTYPES[FORECASTS]),
}
"""The table of each asset that is served."""


class ServedPartitionRow(Base):
    """Which version of a partition is loaded, whole, and into which columns."""

    __tablename__ = "served_partitions"
    __table_args__ = (PrimaryKeyConstraint(INSTRUMENT_ID, "asset", DAY),)

    instrument_id: Mapped[str] = mapped_column(Name)
    asset: Mapped[str] = mapped_column(Name)
    day: Mapped[date]
    md5: Mapped[str] = mapped_column(Digest)
    layout: Mapped[str] = mapped_column(Digest)
    """Digest of the columns it was loaded into: where a revision added one, the same version is loaded again."""
    n_rows: Mapped[int] = mapped_column(BigInteger)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)


def _layout(table: Table) -> str:
    return hashlib.md5("\n".join(table.columns.keys()).encode(), usedforsecurity=False).hexdigest()


LAYOUTS: Final = {asset: _layout(table) for asset, table in SERVED.items()}
"""The layout that each asset would be loaded into now."""


def children(table: str) -> list[str]:
    """Name the parts that a partitioned table has on Postgres."""
    return [f"{table}_{n}" for n in range(CHILDREN)]


PARTS: Final = frozenset(child for table in SERVED.values() for child in children(table.name))
"""Every part of every table: tables of the database that no model describes."""
