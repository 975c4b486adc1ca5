"""Fixtures that more than one folder of tests needs."""

import os
from pathlib import Path

import hypothesis
import pytest

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import Warehouse
from trading_assets.settings import Settings, load_settings
from trading_assets.storage.migrate import upgrade_catalog

hypothesis.settings.register_profile("patient", deadline=None)  # machines are shared: time says nothing here
hypothesis.settings.load_profile("patient")

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real captures, kept beside the project and never inside it."""
    folder = Path(os.environ.get("TRADING_ASSETS_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        # other people's recordings are not ours to ship
        pytest.skip(f"no real captures at {folder}: set TRADING_ASSETS_SHARED_DATA to their folder")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The checked-in settings over an empty, private folder; nothing of the user is read."""
    return load_settings(PROJECT, environment="development").model_copy(update={"root": tmp_path})


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    """An empty lake with its catalogue."""
    house = Warehouse.open(settings)
    upgrade_catalog(house.lake.engine, PROJECT / "migrations")
    return house


@pytest.fixture
def partition() -> Partition:
    """One day of one market."""
    return Partition.parse("2024-08-08|BTCUSDT.BINANCE")
