"""What lies on disk and for whom: the lake by asset, and every folder the project fills.

Bytes are whole blocks, as removing a file would free them. An object that several assets share counts for each of them
and once in the store.

Belongs here: measuring. Does not: deciding what may go (retention), showing it (cli/disk).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url

from trading_assets.settings import Settings
from trading_assets.storage.catalog import PointerRow, VersionRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.lake import Lake
from trading_assets.storage.snapshots.cache import EXPERIMENTS, Cache
from trading_assets.storage.store import Store
from trading_assets.storage.upkeep.references import needed
from trading_assets.storage.upkeep.retention import disk_bytes, objects


@dataclass(frozen=True, slots=True)
class AssetUse:
    """Bytes of one asset's objects: those that stand, those they were made from, and those that nothing needs."""

    asset: str
    n_standing: int
    standing_bytes: int
    origin_bytes: int
    superseded_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of them."""
        return self.standing_bytes + self.origin_bytes + self.superseded_bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or file, and what it holds in all."""

    name: str
    path: Path
    n_files: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Everything the project keeps on disk."""

    assets: tuple[AssetUse, ...]
    unreferenced_bytes: int
    """Objects of the store that were never published: experiments made them, or a crash left them."""
    places: tuple[Place, ...]
    free_bytes: int
    """Left on the lake's file system, for an ordinary account."""

    @property
    def total_bytes(self) -> int:
        """All places together."""
        return sum(place.n_bytes for place in self.places)


def disk_use(settings: Settings, lake: Lake) -> DiskUse:
    """Measure everything, once."""
    sizes = {md5: disk_bytes(path) for md5, path in objects(lake)}
    assets, known = _by_asset(lake, sizes)
    return DiskUse(
        assets=assets,
        unreferenced_bytes=sum(size for md5, size in sizes.items() if md5 not in known),
        places=tuple(_places(settings, lake)),
        free_bytes=shutil.disk_usage(settings.root).free,
    )


def _has_one_name(path: Path) -> bool:
    """Tell whether a file has no second name: one that has is an object of the store, and counts there."""
    return path.lstat().st_nlink == 1


def measure(
    name: str,
    path: Path,
    *,
    without: frozenset[Path] = frozenset(),
    is_counted: Callable[[Path], bool] = lambda _: True,
) -> Place:
    """Add up what lies in a folder; links are not followed, and some folders and files within may be left out."""
    if not path.is_dir():
        return Place(name, path, int(path.exists()), disk_bytes(path))
    n_files = n_bytes = 0
    for folder, folders, files in os.walk(path):
        folders[:] = [each for each in folders if Path(folder, each) not in without]
        kept = [Path(folder, each) for each in files if Path(folder, each) not in without]
        kept = [each for each in kept if is_counted(each)]
        n_files += len(kept)
        n_bytes += sum(map(disk_bytes, kept))
    return Place(name, path, n_files, n_bytes)


def _by_asset(lake: Lake, sizes: dict[str, int]) -> tuple[tuple[AssetUse, ...], set[str]]:
    origins, standing, rows = query(
        lake.engine,
        lambda session: (
            needed(session),
            set(session.scalars(select(PointerRow.version_id))),
            session.execute(select(VersionRow.id, VersionRow.asset, VersionRow.md5)).all(),
        ),
    )
    every: dict[str, set[str]] = {}
    live: dict[str, set[str]] = {}
    for version, asset, md5 in rows:
        every.setdefault(asset, set()).add(md5)
        if version in standing:
            live.setdefault(asset, set()).add(md5)
    found = []
    for asset, md5s in sorted(every.items()):
        stands = live.get(asset, set())
        parts = (stands, (md5s - stands) & origins, md5s - stands - origins)
        found.append(AssetUse(asset, len(stands), *(sum(sizes.get(md5, 0) for md5 in part) for part in parts)))
    return tuple(found), {md5 for _, _, md5 in rows}


def _places(settings: Settings, lake: Lake) -> Iterator[Place]:
    root, var = lake.store.root, settings.root / "var"
    database = make_url(settings.catalog.url.get_secret_value()).database
    catalogue = settings.path(Path(database)) if database and database != ":memory:" else None
    places = [
        measure("store", root / "store"),
        *(measure(name, root / name) for name in ("landing", "staging", "quarantine")),
        measure("DVC's cache", Cache(Store(root)).folder, is_counted=_has_one_name),
        measure("experiments", root / EXPERIMENTS, is_counted=_has_one_name),
        measure("Dagster's event log", settings.dagster_home),
        measure("MLflow", var / "mlflow"),
    ]
    files = sorted(catalogue.parent.glob(f"{catalogue.name}*")) if catalogue else []  # with its write-ahead log
    yield from places
    if catalogue:
        yield Place("catalogue", catalogue, len(files), sum(map(disk_bytes, files)))
    yield measure("other, under var", var, without=frozenset([*(place.path for place in places), *files]))
    cache = Path(__file__).resolve().parents[1] / "__pycache__"
    kernels = [measure("", each) for each in cache.glob("kernels-*")]  # one folder for each state of the sources
    yield Place("compiled kernels", cache, sum(k.n_files for k in kernels), sum(k.n_bytes for k in kernels))
