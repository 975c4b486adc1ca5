"""A process that is killed while it restores: `python restoring_process.py ROOT FILE AT`.

AT is `row-N`, before the N-th table gets its first rows; `digest-N`, before the N-th table is read back; or `commit`.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from trading_assets.settings import load_settings
from trading_assets.storage.backups.restore import restore
from trading_assets.storage.database.engines import open_engine

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


class Killer:
    """Kills its process at a point of a restore."""

    def __init__(self, at: str) -> None:
        self._at = at
        self._filled: list[str] = []
        self._n_read = 0

    def executing(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        table = statement.split()[2] if statement.startswith("INSERT INTO") else None
        if table not in {None, "catalog_version", *self._filled}:
            self._filled.append(str(table))
            self._reached(f"row-{len(self._filled)}")
        if self._filled and statement.startswith("SELECT") and "ORDER BY" in statement:
            self._n_read += 1
            self._reached(f"digest-{self._n_read}")

    def committing(self, _connection: Any) -> None:
        if self._filled:
            self._reached("commit")

    def _reached(self, place: str) -> None:
        if place == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    root, file, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    killer = Killer(at)
    event.listen(Engine, "before_cursor_execute", killer.executing)
    event.listen(Engine, "commit", killer.committing)
    engine = open_engine(load_settings(root, environment="development"))
    restore(engine, file, MIGRATIONS)
