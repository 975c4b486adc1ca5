"""Where steps read and publish: the lake and its catalogue, as the settings name them.

Belongs here: opening them. Does not: anything that is done in them (execute, storage/lake).
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from trading_assets.identifiers import Partition
from trading_assets.orchestration.landed import landed_files, landing_folder
from trading_assets.settings import Settings
from trading_assets.storage.database.age import tell_age
from trading_assets.storage.database.engines import open_engine, open_for_looking
from trading_assets.storage.lake import Lake
from trading_assets.storage.registry import Registry
from trading_assets.storage.store import Store


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where steps read and publish: the lake, the registry and the settings they were opened with."""

    settings: Settings
    lake: Lake
    registry: Registry

    @classmethod
    def open(cls, settings: Settings) -> "Warehouse":
        """Open the lake and catalogue that the settings name, to decide and publish."""
        return cls._over(open_engine(settings), settings)

    @classmethod
    def open_for_looking(cls, settings: Settings) -> "Warehouse":
        """Open them to read what is published, from a standby where there is one; how old that is goes to the log."""
        engine = open_for_looking(settings)
        tell_age(engine)
        return cls._over(engine, settings)

    @classmethod
    def _over(cls, engine: Engine, settings: Settings) -> "Warehouse":
        return cls(settings, Lake(Store(settings.path(settings.lake.root)), engine), Registry(engine))

    def landing(self, partition: Partition | None = None) -> Path:
        """Return the folder of imported lines that are not yet published, of all partitions or of one."""
        return landing_folder(self.lake.store.root, partition)

    def landed(self, partition: Partition) -> list[Path]:
        """Return a partition's imported files that are not yet published."""
        return landed_files(self.lake.store.root, partition)
