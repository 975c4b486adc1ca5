"""Bring recordings in: land a file's lines by day and instrument, then publish the captures they belong to.

Belongs here: the order of landing, registering and publishing. Does not: reading files (sources).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.landed import landed_under
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.sources.importing import Rules, land_file
from trading_assets.storage.registry import TickRules


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file brought, or why it was refused and brought nothing."""

    path: Path
    partitions: tuple[Partition, ...] = ()
    n_lines: int = 0
    damage: str | None = None
    refusal: str | None = None
    source: str = ""
    """What the file was: a recording, or which format."""
    lacks: tuple[str, ...] = ()
    """What it cannot say."""
    notes: tuple[str, ...] = ()
    """What else there is to say of it, a sentence each."""


def files_in(path: Path) -> Iterator[Path]:
    """Yield what is named, or everything below a folder that is named, in order.

    Hidden files are passed over (tools copy under hidden names), and links to folders are not followed (they may
    form a circle). Whatever else is no capture is refused when it is read, so that nothing is left out in silence.

    Raises:
        NotACapture: there is no such path, or the folder has no file.
        OSError: a folder may not be read.
    """
    if not path.name and not path.is_absolute():
        raise NotACapture("'' and '.' name no file: name a capture, or the folder that holds them")
    if not path.is_dir():
        yield path
        return
    n_files = 0
    for folder, folders, names in os.walk(path, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                n_files += 1
                yield Path(folder, name)
    if not n_files:
        raise NotACapture(f"{path}: the folder has no file")


def _raise(error: OSError) -> None:
    raise error


def adopt_landed(warehouse: Warehouse) -> None:
    """Register the instruments of landed lines, where an import died between landing and registering them."""
    known = set(warehouse.registry.instruments())
    for market in {partition.instrument for partition in landed_partitions(warehouse)} - known:
        warehouse.registry.register(market, TickRules())


def landed_partitions(warehouse: Warehouse) -> list[Partition]:
    """List the partitions with imported lines that are not yet published; folders of other names are not ours."""
    return landed_under(warehouse.lake.store.root)


def land(
    path: Path,
    warehouse: Warehouse,
    *,
    instrument: Instrument | None,
    rules: TickRules,
    said_format: str | None = None,
    venue: str | None = None,
) -> Imported:
    """Land one file's lines, so that the captures they belong to are stale until they are published.

    Landing the same file again is harmless: its lines are in the published capture already, once.

    Args:
        path: a recording, or a file of a format that `sources.formats` names.
        warehouse: where its captures will be published.
        instrument: whose it is, if the user says so.
        rules: steps of its instruments, if the user says so.
        said_format: its format, if the user says so.
        venue: the market of its lines, if the user says so: some recordings do not.

    Raises:
        NotACapture: the file is of no such kind, of another market, or its books do not mix with those that stand.
    """
    settings = warehouse.settings
    given = Rules(
        settings.captures, settings.partitions.start_day, datetime.now(UTC).date(), partial(_standing, warehouse)
    )
    brought = land_file(
        path,
        landing=warehouse.landing(),
        instrument=instrument,
        said_format=said_format,
        rules=given,
        venue=venue,
    )
    partitions = tuple(sorted(landed.partition for landed in brought.landing.captures))
    for market in {partition.instrument for partition in partitions}:
        warehouse.registry.register(market, rules)
    return Imported(
        path,
        partitions,
        brought.landing.n_lines,
        brought.landing.damage,
        source=brought.source,
        lacks=tuple(map(str, brought.lacks)),
        notes=tuple(brought.notes),
    )


def _standing(warehouse: Warehouse, partition: Partition) -> list[Path]:
    """List the captures that more lines of a partition would join."""
    version = warehouse.lake.find("captures", partition)
    published = [] if version is None else [warehouse.lake.store.object_path(version.md5)]
    return [*warehouse.landed(partition), *(path for path in published if path.exists())]
