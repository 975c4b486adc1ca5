"""One published partition to another library's format: which tables, which writer, and a line about the outcome.

Belongs here: the list of formats. Does not: any format (hftbacktest, nautilus), nor our own files (export).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trading_assets.errors import NotExportable
from trading_assets.export import write_whole
from trading_assets.exporting import hftbacktest, nautilus
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse

BOOKS: Final = "raw_l2_snapshots"
TRADES: Final = "raw_trades"

Writer = Callable[[Path, Path | None, Path, Partition], str]


def export_partition(warehouse: Warehouse, form: str, partition: Partition, target: Path) -> str:
    """Write the standing books and trades of a partition in another library's format; return a line about it.

    A partition without published trades is exported without.

    Args:
        warehouse: where it was published.
        form: a key of `FORMATS`.
        partition: the day and the instrument.
        target: a file (hftbacktest) or the folder of a catalogue (nautilus).

    Raises:
        NotExportable: there is no such format, or it cannot hold the partition.
        NotPublished: the partition's books are not published.
        CorruptObject: bytes are not those that were published.
        OSError: `target` cannot be written.
    """
    if form not in FORMATS:
        raise NotExportable(f"no format {form!r}: there are {', '.join(FORMATS)}")
    books = _verified(warehouse, BOOKS, partition)
    tape = _verified(warehouse, TRADES, partition) if warehouse.lake.find(TRADES, partition) else None
    said = FORMATS[form](books, tape, target, partition)
    return said if tape else f"{said}; trades are not published, and were left out"


def _verified(warehouse: Warehouse, asset: str, partition: Partition) -> Path:
    version = warehouse.lake.resolve(asset, partition)
    warehouse.lake.open(version)  # says it of bytes that retention removed
    return warehouse.lake.store.verified(version.md5)


def _npz(books: Path, tape: Path | None, target: Path, _: Partition) -> str:
    if target.suffix != ".npz":
        raise NotExportable(f"--out {target}: hftbacktest reads .npz files")
    written: list[hftbacktest.Written] = []
    write_whole(target, lambda aside: written.append(hftbacktest.write_npz(books, tape, aside)))
    done = written[0]
    moved = f"; receive times moved by {done.shift_ns / 1e9:.3f} s, so that none is before its event"
    return f"{done.n_events:,} events → {target}{moved if done.shift_ns else ''}"


def _catalog(books: Path, tape: Path | None, target: Path, partition: Partition) -> str:
    if target.exists() and not target.is_dir():
        raise NotExportable(f"--out {target}: a catalogue of NautilusTrader is a folder")
    done = nautilus.write_catalog(books, tape, target, partition.instrument)
    return f"{done.n_deltas:,} deltas and {done.n_trades:,} trades → {target}"


FORMATS: Final[Mapping[str, Writer]] = MappingProxyType({"hftbacktest": _npz, "nautilus": _catalog})
