"""Backups beside four publishing processes: each is of one moment, and names nothing that the store does not have."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from full_catalogs import MIGRATIONS, made_catalog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.backups.backup import back_up
from trading_assets.storage.backups.restore import restore
from trading_assets.storage.catalog import PointerRow, TicketRow, VersionRow
from trading_assets.storage.copies import StoreCopies
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.transactions import query
from trading_assets.storage.verification import named_objects, verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MakeSettings = Callable[[str], Settings]
STORAGE = Path(__file__).parents[1]
WRITERS, BACKUPS = 4, 6


@contextmanager
def publishing(settings: Settings) -> Iterator[list[Path]]:
    """Let processes publish meanwhile; each writes what was acknowledged into a file."""
    root, paths = settings.root, [STORAGE / "database", STORAGE.parent]
    told = [root / f"{n}.log" for n in range(1, WRITERS + 1)]
    environment = {
        **os.environ,
        "TRADING_ASSETS_CATALOG__URL": settings.catalog.url.get_secret_value(),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    script = str(STORAGE / "database" / "publishing_to_postgres.py")
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(root), str(n), str(root / "stop")], env=environment, stdout=log.open("w")
        )
        for n, log in enumerate(told, 1)
    ]
    try:
        while not all(map(acknowledged, told)):
            time.sleep(0.1)
            assert all(process.poll() is None for process in processes)
        yield told
    finally:
        (root / "stop").touch()
        assert {0} == {process.wait(120) for process in processes}


def acknowledged(log: Path) -> set[str]:
    """Return the md5 of every publication whose line is whole."""
    return {line.split()[-1] for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")}


@pytest.mark.parametrize(("kind", "target"), [("sqlite", "sqlite"), ("sqlite", "postgres"), ("postgres", "postgres")])
def test_backups_beside_publishing_processes_are_of_one_moment(
    catalog_on: MakeSettings, tmp_path: Path, kind: str, target: str
) -> None:
    settings = catalog_on(kind)
    made_catalog(settings)
    before: list[set[str]] = []
    with publishing(settings) as logs:
        for n in range(BACKUPS):
            before.append(set().union(*map(acknowledged, logs)))
            back_up(open_engine(settings), tmp_path / f"{n}.zip", environment="development")
            time.sleep(0.3)
    seen = []
    for n, acknowledged_before in enumerate(before):
        other = catalog_on(target)
        restore(open_engine(other), tmp_path / f"{n}.zip", MIGRATIONS)
        seen.append(assert_sound(Warehouse.open(other), acknowledged_before))

    assert sorted(set(seen)) == seen, "no two backups are of the same moment"
    assert len(seen) == BACKUPS


def all_pointers(session: Session) -> list[PointerRow]:
    return list(session.scalars(select(PointerRow)))


def readable(house: Warehouse, pointer: PointerRow) -> int:
    """Read what a pointer names, its bytes compared with their md5; return its version."""
    version = house.lake.resolve("table", Partition.parse(f"{pointer.day}|{pointer.instrument_id}"))
    frame = pl.read_parquet(house.lake.store.verified(version.md5))
    assert (pointer.md5, version.n_rows) == (version.md5, frame.height)
    return pointer.version_id


def assert_sound(house: Warehouse, acknowledged_before: set[str]) -> int:
    """Compare a restored catalogue with the store that its source has, and with itself; return its newest version."""
    versions = query(house.lake.engine, lambda session: list(session.scalars(select(VersionRow))))
    newest = select(func.max(VersionRow.id)).group_by(VersionRow.asset, VersionRow.day, VersionRow.instrument_id)
    standing = query(house.lake.engine, lambda session: set(session.scalars(select(PointerRow.version_id))))
    latest = query(house.lake.engine, lambda session: set(session.scalars(newest)))
    tickets = query(house.lake.engine, lambda session: set(session.scalars(select(TicketRow.id))))

    assert acknowledged_before <= {version.md5 for version in versions}
    assert standing == latest
    assert {version.ticket_id for version in versions} <= tickets
    objects = named_objects(house.lake)
    assert [] == [each for found in verify(objects, [StoreCopies(house.lake.store)], scratch=None) for each in found]
    assert standing == {readable(house, pointer) for pointer in query(house.lake.engine, all_pointers)}
    return max(version.id for version in versions)
