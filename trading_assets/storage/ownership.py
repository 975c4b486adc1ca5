"""Whose a lake is: that catalogue's which first published into it.

What a catalogue does not name may be removed, and its tickets name folders: two catalogues over one lake would each
take the other's files for leftovers. So a lake has one, and remembers it; another may read, but neither publish nor
remove. A catalogue is known by its place: on Postgres cluster, database and schema, which a standby that was promoted
keeps; else the way from the lake to the file, so that both may be moved together.

Belongs here: remembering the catalogue, and comparing. Does not: which server of it is the primary (database/fence).
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from trading_assets.errors import ForeignLake
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.folders import make_folder, sync_folders

_FILE: Final = "catalog-name.txt"
_PLACE: Final = text(
    "SELECT system_identifier || '/' || current_database() || '/' || current_schema() FROM pg_control_system()"
)


def name_of(connection: Connection, root: Path) -> str:
    """Return the name by which a lake knows the catalogue of a connection."""
    if connection.dialect.name == POSTGRES:
        return f"postgresql {connection.scalar(_PLACE)}"
    file = connection.engine.url.database
    if not file or file == ":memory:":
        return "sqlite :memory:"
    return f"sqlite {os.path.relpath(Path(file).resolve(), root.resolve())}"


def claim(root: Path, name: str) -> None:
    """Make a lake the catalogue's, where it is nobody's yet.

    Raises:
        ForeignLake: it is another catalogue's.
        OSError: the disk did not take the name.
    """
    if owner_of(root) is None:
        _write(root, name, is_replaced=False)
    _ensure(root, name)


def ensure_own(root: Path, name: str, *, is_empty: bool) -> None:
    """Let a catalogue remove what it does not name.

    Raises:
        ForeignLake: the lake is another's, or nobody's, and the catalogue has published nothing.
    """
    if owner_of(root) is None and is_empty:
        raise ForeignLake(
            f"{name} has published nothing, so {root} is hardly its lake, and nothing was removed: does catalog.url "
            "name the right catalogue?"
        )
    _ensure(root, name)


def adopt(root: Path, name: str) -> str | None:
    """Make a lake the catalogue's, whoever's it was; return whose.

    Raises:
        OSError: the disk did not take the name.
    """
    before = owner_of(root)
    if before != name:
        _write(root, name, is_replaced=True)
    return before


def owner_of(root: Path) -> str | None:
    """Return whose lake it is; None where it is nobody's."""
    try:
        return (root / _FILE).read_text("utf-8", errors="replace").strip() or None
    except FileNotFoundError:
        return None


def _ensure(root: Path, name: str) -> None:
    owner = owner_of(root)
    if owner not in {name, None}:
        raise ForeignLake(
            f"{root} is the lake of the catalogue {owner}, and catalog.url names {name}: correct that, or give this "
            "one a lake of its own (lake.root); where it takes the other's place, run `trading-assets db adopt`"
        )


def _write(root: Path, name: str, *, is_replaced: bool) -> None:
    """Write the name, where there is none or it is to be replaced; killed half-way, the lake is nobody's."""
    make_folder(root)
    effects.passing(Effect.LAKE_NAMED)
    with (root / _FILE).open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not is_replaced and owner_of(root) is not None:
            return
        file.truncate(0)
        file.write(f"{name}\n")
        file.flush()
        effects.passing(Effect.LAKE_NAME_SYNCED)
        os.fsync(file.fileno())
    sync_folders([root / _FILE], root)
