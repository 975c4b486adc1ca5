"""A published day into the tables of consumers on Postgres: our loader, and what else Python offers.

Belongs here: each way from the day's file to committed rows. Does not: the server (serving).

Every contender has a database of its own with the tables of our revisions, and loads another day each time. In the
peers' favour: they neither compare the file with its md5 nor record what is loaded. SQLAlchemy's "insertmanyvalues",
for rows whose keys are asked back, takes many times as long as its executemany, and is left out.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import psycopg
from pydantic import SecretStr
from sqlalchemy import insert, select
from sqlalchemy.orm import DeclarativeBase, Session

from trading_assets.features.matrix import feature_schema
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Gate, Rule
from trading_assets.orchestration.step import Output, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.schema import TS_GRID
from trading_assets.sections import FeatureSettings
from trading_assets.serving.load import load
from trading_assets.serving.shape import span
from trading_assets.serving.tables import SERVED
from trading_assets.settings import load_settings
from trading_assets.storage.database.migrate import upgrade_catalog

Arrays = dict[str, np.ndarray]
Given = dict[str, Any]
PROJECT: Final = Path(__file__).resolve().parents[2]
ROWS: Final = 100_000
TICK_MS: Final = 800
"""So that all of them are of one day."""
NULLS: Final = 0.03
FIRST: Final = date(2024, 8, 8)
ASSET: Final = "book_features"
TABLE: Final = SERVED[ASSET]
_GATE: Final = Gate(lambda _: {"n": 1}, lambda _: (Rule("it_is_there", "n", minimum=1),))


def _partition(n: int) -> Partition:
    return Partition.parse(f"{FIRST + timedelta(days=n)}|BTCUSDT.BINANCE_USDM")


def _numbers() -> pl.DataFrame:
    """Make features as no compression likes them, some of them null."""
    rng = np.random.default_rng(7)
    columns = []
    for name, dtype in feature_schema(FeatureSettings()).items():
        if name != TS_GRID:
            values = rng.normal(size=ROWS) if dtype.is_float() else rng.integers(0, 1_000, ROWS)
            is_known = pl.Series(rng.random(ROWS) > NULLS)
            columns.append(pl.when(is_known).then(pl.Series(values, dtype=dtype)).alias(name))
    return pl.select(columns)


def _day(numbers: pl.DataFrame, partition: Partition) -> pl.DataFrame:
    ticks = pl.lit(span(partition)[0]) + pl.duration(milliseconds=TICK_MS) * pl.int_range(ROWS)
    return numbers.select(ticks.cast(pl.Datetime("ns", "UTC")).alias(TS_GRID), pl.all())


class _Days:
    """A database with its lake, in which the next day is published each time it is asked for."""

    def __init__(self, given: Given, name: str) -> None:
        with psycopg.connect(given["admin"], autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        settings = load_settings(PROJECT, environment="development")
        catalog = settings.catalog.model_copy(update={"url": SecretStr(given["url"].format(database=name))})
        root = Path(given["folder"], name)
        self.house = Warehouse.open(settings.model_copy(update={"root": root, "catalog": catalog}))
        upgrade_catalog(self.house.lake.engine, PROJECT / "migrations")
        numbers = _numbers()
        self._waiting = iter([self._published(numbers, _partition(n)) for n in range(given["days"])])
        self.loaded = _partition(0)

    def next(self) -> tuple[Partition, Path]:
        self.loaded, path = next(self._waiting)
        return self.loaded, path

    def _published(self, numbers: pl.DataFrame, partition: Partition) -> tuple[Partition, Path]:
        def book_features() -> pl.DataFrame:
            """Rows of a benchmark."""
            return _day(numbers, partition)

        made = execute(published(Output(_GATE))(book_features), partition, self.house, run_id="bench")
        return partition, self.house.lake.store.object_path(made.versions[ASSET].md5)

    def arrays(self, _: object) -> Arrays:
        """Return what consumers get of the day that was loaded last."""
        statement = select(TABLE).where(TABLE.c.day == self.loaded.day).order_by(TABLE.c.ts_grid)
        with self.house.lake.engine.connect() as connection:
            rows = connection.execute(statement).all()
        frame = pl.DataFrame(rows, schema=list(TABLE.columns.keys()), orient="row", infer_schema_length=None)
        return {
            name: column.to_numpy() if column.dtype.is_numeric() else column.cast(pl.String).to_numpy().astype(str)
            for name, column in ((each.name, each) for each in frame)
        }


class _Way(NamedTuple):
    """From a day's file to committed rows."""

    name: str
    load: Callable[[Warehouse, Partition, Path], object]

    def __call__(self, given: Given) -> tuple[Callable[[], object], Callable[[Any], Arrays]]:
        days = _Days(given, f"bench_{self.name}")
        return lambda: self.load(days.house, *days.next()), days.arrays


def _ours(house: Warehouse, partition: Partition, _: Path) -> object:
    return load(house.lake, ASSET, partition)


def _rows(path: Path, partition: Partition) -> pl.DataFrame:
    keys = {"instrument_id": pl.lit(str(partition.instrument)), "day": pl.lit(partition.day)}
    shaped = pl.read_parquet(path).with_columns(pl.col(TS_GRID).cast(pl.Datetime("us", "UTC")), **keys)
    return shaped.with_columns(others=pl.lit(None, pl.String)).select(TABLE.columns.keys())


def _executemany(house: Warehouse, partition: Partition, path: Path) -> None:
    with house.lake.engine.begin() as connection:
        connection.execute(insert(TABLE), _rows(path, partition).rows(named=True))


class _Mapped(DeclarativeBase):
    """The classes of the benchmark."""


class _Served(_Mapped):
    """The same table, mapped."""

    __table__ = TABLE


def _orm(house: Warehouse, partition: Partition, path: Path) -> None:
    with Session(house.lake.engine) as session, session.begin():
        rows = _rows(path, partition).rows(named=True)
        session.execute(insert(_Served), rows, execution_options={"render_nulls": True})  # else by which are null


def _write_row(house: Warehouse, partition: Partition, path: Path) -> None:
    with house.lake.engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        names = ", ".join(TABLE.columns.keys())
        with driver.cursor().copy(f"COPY {TABLE.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([_TYPES.get(str(each.type), "float8") for each in TABLE.columns])
            for row in _rows(path, partition).iter_rows():
                copy.write_row(row)


_TYPES: Final = {"VARCHAR(64)": "varchar", "DATETIME": "timestamptz", "DATE": "date", "BIGINT": "int8", "JSON": "jsonb"}
CONTENDERS: Final = {
    way.name: way
    for way in (
        _Way("ours", _ours),
        _Way("write_row", _write_row),
        _Way("executemany", _executemany),
        _Way("orm", _orm),
    )
}
