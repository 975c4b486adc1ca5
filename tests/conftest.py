"""Fixtures that more than one folder of tests needs."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.database.migrate import upgrade_catalog

hypothesis.settings.register_profile("patient", deadline=None)  # machines are shared: time says nothing here
hypothesis.settings.load_profile("patient")

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests" / "servers"))  # tests everywhere have catalogues

from catalogs import SERVER, URL, Content, drop_catalogs, serve, settings_in  # noqa: E402 - see above
from postgres_server import postgres_server  # noqa: E402 - see above


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--catalog", choices=("sqlite", "postgres"), default="sqlite", help="where catalogues of tests are"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--catalog") == "postgres":
        for item in items:
            if item.get_closest_marker("sqlite"):
                item.add_marker(pytest.mark.skip("it looks into the file that a catalogue on SQLite is"))


@pytest.fixture(scope="session", autouse=True)
def catalog_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """The server of this process's catalogues, if they are on one."""
    if request.config.getoption("--catalog") == "sqlite":
        yield
        return
    with postgres_server() as server:
        serve(server)
        yield
        del os.environ[SERVER]


@pytest.fixture(autouse=True)
def catalogs_of_one_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop what a test had, as its folder is: a thousand databases are a full disk."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        drop_catalogs(folder)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real captures, kept beside the project and never inside it."""
    folder = Path(os.environ.get("TRADING_ASSETS_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        # other people's recordings are not ours to ship
        pytest.skip(f"no real captures at {folder}: set TRADING_ASSETS_SHARED_DATA to their folder")
    return folder


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The checked-in settings over an empty, private folder; nothing of the user is read."""
    content = Content.TABLES if "warehouse" in request.fixturenames else Content.NOTHING
    private = settings_in(tmp_path, content=content)
    if SERVER in os.environ:
        monkeypatch.setenv(URL, private.catalog.url.get_secret_value())  # for processes that a test starts
    return private


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
