"""Imported lines that wait to be published: where they lie, and of which partitions there are any.

Belongs here: looking into the folder. Does not: filling it (importing, sources/landing).
"""

from pathlib import Path
from typing import Final

from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import Partition

_FILES: Final = "*.jsonl.zst"


def landing_folder(lake: Path, partition: Partition | None = None) -> Path:
    """Return the folder of imported lines under a lake's root, of all partitions or of one."""
    folder = lake / "landing"
    return folder / str(partition.day) / str(partition.instrument) if partition else folder


def landed_files(lake: Path, partition: Partition) -> list[Path]:
    """Return a partition's imported files that are not yet published."""
    return sorted(landing_folder(lake, partition).glob(_FILES))


def landed_under(lake: Path) -> list[Partition]:
    """List the partitions with imported lines that are not yet published; folders of other names are not ours."""
    found = []
    for folder in landing_folder(lake).glob("*/*"):
        try:
            partition = Partition.parse(f"{folder.parent.name}|{folder.name}")
        except InvalidIdentifier:
            continue
        if any(folder.glob(_FILES)):
            found.append(partition)
    return sorted(found, key=lambda partition: (partition.instrument, partition.day))
