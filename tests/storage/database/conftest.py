"""Databases for tests of the schema: on one server of each kind, which no test here kills."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # what crashes do to a lake

from catalogues import Databases, File, Kind, Server, Upgrades, upgrade_server
from postgres_binaries import binaries_of
from postgres_server import PostgresServer, postgres_server, session_folder

from trading_assets.settings import Settings


@pytest.fixture(scope="session", params=["installed", "packaged"])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """One server with each kind of binaries: what roles may do differs between versions."""
    with postgres_server(binaries=binaries_of(request.param, session_folder())) as started:
        yield started


@pytest.fixture
def databases(server: PostgresServer, settings: Settings) -> Databases:
    """Ways to make databases on that server."""
    return Databases(server, settings)


@pytest.fixture(scope="session")
def any_server() -> Iterator[PostgresServer]:
    """One server of whichever kind there is."""
    with postgres_server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Kind:
    """Catalogues that are files, and ones on a server."""
    if request.param == "sqlite":
        return File(settings, tmp_path)
    return Server(Databases(request.getfixturevalue("any_server"), settings))


@pytest.fixture(scope="session")
def upgrades() -> Iterator[Upgrades]:
    """Processes that upgrade, and may die while they do."""
    with upgrade_server() as started:
        yield started
