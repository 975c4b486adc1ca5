"""Bring recordings in: land a file's lines by day and instrument, then publish the captures they belong to.

Belongs here: the order of landing, registering and publishing. Does not: reading files (sources).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import Warehouse
from trading_assets.sources.landing import land_capture
from trading_assets.storage.registry import TickRules


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file brought."""

    path: Path
    partitions: tuple[Partition, ...]
    n_lines: int
    damage: str | None


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that are named, and those below the folders that are named, in order.

    Raises:
        NotACapture: a path does not exist, or a folder has no file.
    """
    for path in paths:
        if not path.exists():
            raise NotACapture(f"{path}: there is no such file")
        found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        if not found:
            raise NotACapture(f"{path}: the folder is empty")
        yield from found


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
