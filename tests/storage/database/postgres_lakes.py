"""Lakes whose catalogue is in a Postgres database: builders for tests of what happens when it goes away."""

from pathlib import Path

import polars as pl
from pydantic import SecretStr
from sqlalchemy import func, select

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.catalog import VersionRow
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.database.transactions import query
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Draft, Judgement, Origin, Version

PROJECT = Path(__file__).resolve().parents[3]
MARKET = "BTCUSDT.BINANCE"
ORIGIN = Origin("1", "settings", ())
PASSED = (Judgement("is_fine", "n", 0.0, 0.0, 0.0, passed=True),)


def on_postgres(settings: Settings, url: str, **catalog: float) -> Settings:
    """Return settings with another catalogue, and other limits of waiting for it."""
    section = settings.catalog.model_copy(update={"url": SecretStr(url), **catalog})
    return settings.model_copy(update={"catalog": section})


def made_house(settings: Settings, url: str, **catalog: float) -> Warehouse:
    """Open a lake whose catalogue is made first."""
    house = Warehouse.open(on_postgres(settings, url, **catalog))
    upgrade_catalog(house.lake.engine, PROJECT / "migrations")
    return house


def publish(lake: Lake, partition: Partition, values: list[float]) -> Version:
    """Publish a small table."""
    with lake.ticket("table", partition, run_id="run") as ticket:
        frame = pl.DataFrame({"x": values})
        made = lake.stage(ticket, "table", PARQUET, lambda path: write_parquet(frame, path))
        draft = Draft(made.asset, made.suffix, made.file, PASSED)
        return lake.publish(ticket, [draft], ORIGIN)["table"]


def times_published(lake: Lake) -> dict[str, int]:
    """Return how many versions there are of each md5."""
    counted = select(VersionRow.md5, func.count()).group_by(VersionRow.md5)
    return {row[0]: row[1] for row in query(lake.engine, lambda session: session.execute(counted).all())}
