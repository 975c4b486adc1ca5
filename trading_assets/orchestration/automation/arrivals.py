"""Recordings that arrive by themselves: files in a folder that somebody copies or a recorder writes into.

A file is imported once it has not changed for a while, and then moved to `imported/`; one that is refused goes to
`refused/` with the reason beside it. Nothing is deleted, and what is still there was not yet imported.

Belongs here: which files wait, and what becomes of one. Does not: reading lines (sources), asking for runs (sensors).
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from trading_assets.errors import NotACapture
from trading_assets.orchestration.importing import Imported, land
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.registry import TickRules

IMPORTED: Final = "imported"
REFUSED: Final = "refused"
SETTLED_S: Final = 10.0
"""A file that changed later than this ago may still be written to."""


def waiting(folder: Path, *, now: datetime) -> list[Path]:
    """Return the files that can be imported, the oldest first; hidden ones are not looked at."""
    if not folder.is_dir():
        return []
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.relative_to(folder).parts[0] not in {IMPORTED, REFUSED}
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    changed = {path: path.stat().st_ctime for path in files}
    settled = [path for path in files if changed[path] <= now.timestamp() - SETTLED_S]
    return sorted(settled, key=lambda path: (changed[path], path))


def take(path: Path, warehouse: Warehouse) -> Imported:
    """Import one file's lines and move it out of the way.

    Raises:
        NotACapture: it was refused, and lies in `refused/` with the reason beside it.
    """
    folder = warehouse.settings.path(warehouse.settings.backfill.arrivals)
    try:
        brought = land(path, warehouse, instrument=None, rules=TickRules())
    except NotACapture as error:
        moved = _move(path, folder, REFUSED)
        moved.with_name(f"{moved.name}.reason.txt").write_text(f"{error}\n")
        raise
    _move(path, folder, IMPORTED)
    return brought


def _move(path: Path, folder: Path, where: str) -> Path:
    """Move a file, keeping its place below the folder; a namesake that is there already keeps its name."""
    target = folder / where / path.relative_to(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    n = 1
    while target.exists():
        target = target.with_name(f"{path.name}.{n}")
        n += 1
    return path.rename(target)
