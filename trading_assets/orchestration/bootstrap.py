"""Make everything that must exist before several processes may start at once.

A fresh SQLite store of Dagster, MLflow or ours that several processes open together is damaged for good, so all
of them are made here, under a lock, by one process.

Belongs here: making stores, and what else is done once. Does not: using them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import dagster as dg

from trading_assets.errors import InstanceFailed
from trading_assets.identifiers import Instrument
from trading_assets.models.tracking import prepare_store
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.rebuilding.whole import rebuild_day
from trading_assets.settings import Settings
from trading_assets.sources.simulator.captures import simulate
from trading_assets.sources.simulator.recording import Recording
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.database.schema import is_ready
from trading_assets.storage.snapshots.cache import Cache
from trading_assets.storage.snapshots.dvc import know_cache
from trading_assets.storage.store import Store

_OF_STORAGE: Final = frozenset({"dagster", "dagster_postgres", "sqlalchemy", "psycopg", "psycopg2"})
"""Whose errors are those of a storage that is configured wrongly, or away."""


def prepare(settings: Settings) -> None:
    """Make or upgrade the catalogue, Dagster's home and MLflow's store, and tell DVC of its cache; cheap where done.

    Raises:
        CatalogFailed: the catalogue is on a server, and missing or of another schema: upgrading it is for its owner.
        InstanceFailed: Dagster's storage cannot be opened.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    with _only_one(home.parent / ".prepare.lock"):
        engine = open_engine(settings)
        try:
            if not is_ready(engine):
                upgrade_catalog(engine, settings.root / "migrations")
        finally:
            engine.dispose()  # else its connection, and SQLite's log beside the catalogue, stay until collected
        know_cache(settings.root, Cache(Store(settings.path(settings.lake.root))))
        _link(home / "dagster.yaml", to=settings.path(settings.dagster.configuration))
        os.environ["DAGSTER_HOME"] = str(home)
        open_instance().dispose()
        prepare_store(settings)


def open_instance() -> dg.DagsterInstance:
    """Open Dagster's storage of runs and events.

    Raises:
        InstanceFailed: it cannot be opened as its configuration describes it.
    """
    try:
        return dg.DagsterInstance.get()
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _OF_STORAGE:
            raise
        lines = str(error.__cause__ or error).splitlines()  # dagster-postgres itself only says that it tried often
        reason = next((line for line in lines if "PostProcessingError: " in line), lines[0] if lines else "")
        raise InstanceFailed(
            "Dagster's storage cannot be opened as its dagster.yaml describes it (the setting dagster.configuration): "
            + reason.rpartition("PostProcessingError: ")[2]
        ) from error


def compile_kernels() -> None:
    """Compile the simulator's, decoder's and book's kernels into numba's cache, so that no first run waits for it."""
    instrument = Instrument("SIMBTC", "BINANCE")
    recording = Recording(start_day=date(2024, 1, 1), days=1, minutes_per_day=1, signal_strength=0.5, seed=0)
    lines = (data for _, data in simulate(instrument, recording))
    rebuild_day(decode(lines, instrument=instrument), None, day=recording.start_day, instrument=instrument, depth=1)


def write_environment(settings: Settings) -> None:
    """Write the `.env` that makes stock `dagster` commands find this project's home."""
    (settings.root / ".env").write_text(f"DAGSTER_HOME={settings.dagster_home}\n")


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _link(link: Path, *, to: Path) -> None:
    """Let Dagster's home show the checked-in configuration, so that there is one."""
    if link.is_symlink() and link.readlink() == to:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(to)
