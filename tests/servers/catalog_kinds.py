"""Catalogues of both kinds, as fixtures: files, and databases on a server that the module shares."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres_server
from pydantic import SecretStr

from trading_assets.settings import Settings

MakeSettings = Callable[[str], Settings]
_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as made:
        yield made


@pytest.fixture
def catalog_on(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> MakeSettings:
    """Settings of a new catalogue, of which there is nothing yet, on a database of a kind."""

    def make(kind: str) -> Settings:
        name = f"catalog_{next(_numbers)}"
        url = f"sqlite:///{tmp_path / name}.sqlite"
        if kind == "postgres":
            server: PostgresServer = request.getfixturevalue("server")
            server.run_sql(f"CREATE DATABASE {name}")
            url = server.url(database=name, sslmode="disable")
        return settings.model_copy(update={"catalog": settings.catalog.model_copy(update={"url": SecretStr(url)})})

    return make
