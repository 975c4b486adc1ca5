"""Bring recordings in: land a file's lines by day and instrument, then publish the captures they belong to.

Belongs here: the order of landing, registering and publishing. Does not: reading files (sources).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import Warehouse
from trading_assets.orchestration.landed import landed_under
from trading_assets.sources.landing import land_capture
from trading_assets.storage.registry import TickRules


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file brought, or why it was refused and brought nothing."""

    path: Path
    partitions: tuple[Partition, ...] = ()
    n_lines: int = 0
    damage: str | None = None
    refusal: str | None = None


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


def land(path: Path, warehouse: Warehouse, *, instrument: Instrument | None, rules: TickRules) -> Imported:
    """Land one file's lines, so that the captures they belong to are stale until they are published.

    Landing the same file again is harmless: its lines are in the published capture already, once.

    Raises:
        NotACapture: the file holds no supported wire messages, or those of another market.
    """
    settings = warehouse.settings
    landing = land_capture(
        path,
        landing=warehouse.landing(),
        instrument=instrument,
        settings=settings.captures,
        start_day=settings.partitions.start_day,
        today=datetime.now(UTC).date(),
    )
    partitions = tuple(sorted(landed.partition for landed in landing.captures))
    for market in {partition.instrument for partition in partitions}:
        warehouse.registry.register(market, rules)
    return Imported(path, partitions, landing.n_lines, landing.damage)
