"""Steps executed apart from what stands: in a folder with a catalogue of its own, from inputs that are all named.

Belongs here: opening such a place, and versions as plain values that go from one process to another.
Does not: executing (execute), which steps are made there and why (experiments, reproduction).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.sections import CatalogSettings, LakeSettings
from trading_assets.settings import Settings
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.records import Version


def open_apart(settings: Settings, folder: Path, *, store: Path, migrations: Path) -> Warehouse:
    """Open a warehouse in a folder: all but the objects is its own, and these are those of a store elsewhere.

    Args:
        settings: what steps read; where they say that the lake and its catalogue lie does not count.
        folder: on the file system of the store.
        store: the folder of objects.
        migrations: the folder of the catalogue's revisions.
    """
    link = folder / "lake" / "store"
    if not link.is_symlink():
        link.parent.mkdir(parents=True)
        store.mkdir(parents=True, exist_ok=True)
        link.symlink_to(store)
    own = {
        "root": folder,
        "lake": LakeSettings(root=Path("lake")),
        "catalog": CatalogSettings.model_validate({"url": "sqlite:///catalog.sqlite"}),
    }
    house = Warehouse.open(settings.model_copy(update=own))
    upgrade_catalog(house.lake.engine, migrations)
    return house


def told(version: Version) -> dict[str, Any]:
    """Say of a version what it takes to read it, in plain values."""
    return {
        "asset": version.asset,
        "partition": str(version.partition),
        "md5": version.md5,
        "suffix": version.suffix,
        "n_rows": version.n_rows,
    }


def version_told(values: Mapping[str, Any]) -> Version:
    """Return the version of which `told` said so; what it did not say is empty."""
    return Version(
        asset=values["asset"],
        partition=Partition.parse(values["partition"]),
        md5=values["md5"],
        suffix=values["suffix"],
        n_bytes=0,
        n_rows=values["n_rows"],
        code_version="",
        settings_digest="",
        run_id="",
        published_at=datetime.fromtimestamp(0, UTC),
        inputs=(),
    )
