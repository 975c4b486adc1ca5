"""A restore that dies half-way leaves an empty catalogue, and the next one fills it; one that was done is done once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from full_catalogs import KEPT, MIGRATIONS, ROWS, fill, made_catalog, rows
from postgres_server import PostgresServer
from proxy import Mode, Proxy
from pydantic import SecretStr

from trading_assets.settings import Settings
from trading_assets.storage.backups.backup import back_up
from trading_assets.storage.backups.restore import restore
from trading_assets.storage.database.engines import catalog_url, open_engine

MakeSettings = Callable[[str], Settings]
HERE = Path(__file__).parent
PROJECT = HERE.parents[2]


@pytest.fixture
def file(catalog_on: MakeSettings, tmp_path: Path) -> Path:
    engine, path = made_catalog(catalog_on("sqlite")), tmp_path / "catalog.zip"
    fill(engine)
    back_up(engine, path, environment="development")
    return path


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("at", ["row-1", f"row-{len(KEPT)}", "digest-1", f"digest-{len(KEPT)}", "commit"])
def test_a_restore_that_is_killed_leaves_the_catalogue_empty(
    catalog_on: MakeSettings, file: Path, kind: str, at: str
) -> None:
    settings = catalog_on(kind)
    killed = subprocess.run(
        [sys.executable, HERE / "restoring_process.py", PROJECT, file, at],
        env={**os.environ, "TRADING_ASSETS_CATALOG__URL": settings.catalog.url.get_secret_value()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert -signal.SIGKILL == killed.returncode, killed.stderr[-3000:]
    assert {0} == {len(found) for found in rows(open_engine(settings)).values()}

    restore(open_engine(settings), file, MIGRATIONS)
    assert {ROWS} == {len(found) for found in rows(open_engine(settings)).values()}


@pytest.mark.parametrize("mode", [Mode.CUT_BEFORE_COMMIT, Mode.CUT_AFTER_COMMIT])
def test_a_restore_whose_commit_gets_no_answer_is_done_once(
    server: PostgresServer, catalog_on: MakeSettings, file: Path, mode: Mode
) -> None:
    near = catalog_on("postgres")
    made_catalog(near)
    with Proxy(server.port) as network:
        url = catalog_url(near).set(port=network.port).render_as_string(hide_password=False)
        section = near.catalog.model_copy(update={"url": SecretStr(url)})
        network.set(mode, commits=1)
        restore(open_engine(near.model_copy(update={"catalog": section})), file, MIGRATIONS)

    assert 2 == network.n_commits
    assert {ROWS} == {len(found) for found in rows(open_engine(near)).values()}
