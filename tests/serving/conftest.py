"""Catalogues of either kind to load into: a file, and a database of a server that no test here kills."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "servers"), str(TESTS / "orchestration"), str(TESTS / "serving")]

from postgres_server import PostgresServer, postgres_server  # noqa: E402 - from a folder beside this one
from served_days import house_on  # noqa: E402 - see above

from trading_assets.orchestration.warehouse import Warehouse  # noqa: E402 - see above
from trading_assets.settings import Settings  # noqa: E402 - see above


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.fixture
def on_postgres(settings: Settings, server: PostgresServer) -> Iterator[Warehouse]:
    house = house_on(settings, server)
    yield house
    house.lake.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest) -> Warehouse:
    fixture = {"sqlite": "warehouse", "postgresql": "on_postgres"}[request.param]
    found: Warehouse = request.getfixturevalue(fixture)
    return found
