"""Published days for tests of serving, made of whatever columns a test likes, and what is served of them."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
from postgres_server import PostgresServer
from pydantic import SecretStr
from sqlalchemy import select

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Gate, Rule
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.schema import TS_GRID
from trading_assets.serving.shape import TIME, span
from trading_assets.serving.tables import DTYPES, SERVED
from trading_assets.settings import Settings
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.database.transactions import query
from trading_assets.storage.records import Version

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
DAY = Partition.parse("2024-08-08|BTCUSDT.BINANCE")
NEXT = Partition.parse("2024-08-09|BTCUSDT.BINANCE")
OTHER = Partition.parse("2024-08-08|ETHUSDT.BINANCE")
_numbers = count()
_GATE = Gate(lambda _: {"n": 1}, lambda _: (Rule("it_is_there", "n", minimum=1),))


def house_on(settings: Settings, server: PostgresServer) -> Warehouse:
    """Make a catalogue in a new database of a server, over the lake of the settings."""
    name = f"served_{next(_numbers)}"
    server.run_sql(f"CREATE DATABASE {name}")
    return opened(settings, server.socket_url(database=name))


def opened(settings: Settings, url: str) -> Warehouse:
    """Open a lake with its catalogue elsewhere, and make that where it is not there."""
    section = settings.catalog.model_copy(update={"url": SecretStr(url)})
    house = Warehouse.open(settings.model_copy(update={"catalog": section}))
    upgrade_catalog(house.lake.engine, MIGRATIONS)
    return house


def day_of(partition: Partition, n_rows: int, *, plus: float = 0.0, asset: str = "book_features") -> pl.DataFrame:
    """Make some ticks, a second apart, whose columns are those of the default settings: numbers, and nulls between."""
    tick = pl.int_range(n_rows)

    def column(n: int, name: str, dtype: pl.DataType) -> pl.Expr:
        number = tick + n * 1_000 + plus
        value = number.cast(pl.String) if dtype == pl.String() else (number / 7).cast(dtype)
        return pl.when((tick + n) % 5 != 0).then(value).alias(name)

    return pl.select(
        (pl.lit(span(partition)[0]) + pl.duration(seconds=tick)).cast(pl.Datetime("ns", "UTC")).alias(TS_GRID),
        *(column(n, name, dtype) for n, (name, dtype) in enumerate(DTYPES[asset].items()) if name != TS_GRID),
    )


def publish(house: Warehouse, partition: Partition, rows: pl.DataFrame, *, asset: str = "book_features") -> Version:
    """Publish rows as an asset's partition, whatever their columns are."""
    outcome = execute(_step(asset, rows), partition, house, run_id="a test")
    return outcome.versions[asset]


def _step(asset: str, rows: pl.DataFrame) -> Step:
    def make() -> pl.DataFrame:
        """Rows of a test."""
        return rows

    make.__name__ = asset
    return published(Output(_GATE))(make)


def served(house: Warehouse, partition: Partition = DAY, *, asset: str = "book_features") -> list[Mapping[str, Any]]:
    """Read what consumers get of a partition, in order of time, as SQLAlchemy has it."""
    table = SERVED[asset]
    statement = (
        select(table)
        .where(table.c.instrument_id == str(partition.instrument), table.c.day == partition.day)
        .order_by(table.c.ts_grid)
    )
    return query(house.lake.engine, lambda session: [dict(row._mapping) for row in session.execute(statement)])


def expected(partition: Partition, rows: pl.DataFrame, **others: Any) -> list[Mapping[str, Any]]:
    """Say what consumers should get of rows that have the table's columns."""
    keys = {"instrument_id": str(partition.instrument), "day": partition.day, "others": None, **others}
    return [{**row, **keys} for row in rows.with_columns(pl.col(TS_GRID).cast(TIME)).rows(named=True)]


def shifted(rows: pl.DataFrame, by: timedelta) -> pl.DataFrame:
    """Move ticks in time."""
    return rows.with_columns(pl.col(TS_GRID) + by)
