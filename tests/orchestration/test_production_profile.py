"""The whole graph with its three databases on a Postgres server, chosen by settings alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from command_line import PROJECT, new_project
from live_project import SMALL
from postgres_server import PostgresServer, postgres_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BIN = Path(sys.executable).parent
DATABASES = ("catalog", "dagster", "mlflow")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        for name in DATABASES:
            running.run_sql(f"CREATE DATABASE {name}")
        yield running


def production(server: PostgresServer, root: Path) -> Mapping[str, str]:
    """The environment of production; a local socket needs no certificate."""
    psycopg2 = server.socket_url(database="dagster").replace("+psycopg:", "+psycopg2:")
    return {
        **os.environ,
        **SMALL,
        "TRADING_ASSETS_ENV": "production",
        "TRADING_ASSETS_ROOT": str(root),
        "TRADING_ASSETS_CATALOG__URL": server.socket_url(database="catalog"),
        "TRADING_ASSETS_TRACKING__URI": server.socket_url(database="mlflow").replace("+psycopg:", "+psycopg2:"),
        "TRADING_ASSETS_DAGSTER__CONFIGURATION": str(PROJECT / "deploy" / "dagster.yaml"),
        "DAGSTER_POSTGRES_URL": psycopg2,
        "DAGSTER_HOME": str(root / "var" / "dagster"),
    }


def test_the_graph_runs_on_three_databases(server: PostgresServer, tmp_path: Path) -> None:
    root = new_project(tmp_path / "project")
    shutil.rmtree(root / "var")
    environment = production(server, root)

    def command(*words: str) -> str:
        done = subprocess.run(
            [BIN / words[0], *words[1:]], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        return done.stdout

    command("trading-assets", "db", "upgrade")
    command("trading-assets", "simulate", "--days", "2", "--minutes", "2", "--instrument", "SIMBTC.BINANCE")
    assert "forecasts: published" in command("trading-assets", "run")
    assert "missing" not in command("trading-assets", "status")
    key = ["--partition", "2024-08-08|SIMBTC.BINANCE"]
    command("dagster", "asset", "materialize", "-m", "trading_assets.definitions", "--select", "labels", *key)

    assert [(1,)] == server.run_sql(
        "SELECT count(*) FROM production.versions WHERE asset = 'forecasts'", database="catalog"
    )
    assert server.run_sql("SELECT 1 FROM event_logs WHERE asset_key = '[\"labels\"]' LIMIT 1", database="dagster")
    assert server.run_sql("SELECT 1 FROM registered_models LIMIT 1", database="mlflow")
    assert [] == sorted((root / "var").rglob("*.sqlite")) + sorted((root / "var").rglob("*.db"))
