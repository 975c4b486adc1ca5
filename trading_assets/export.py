"""Write one published partition to a file people can open elsewhere.

Belongs here: Parquet, CSV and JSON out. Does not: other libraries' catalogues.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
from polars import selectors

from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Partition, parse_asset
from trading_assets.lacking import standing
from trading_assets.orchestration.warehouse import Warehouse

STDOUT: Final = Path("-")


def write_partition(warehouse: Warehouse, asset: str, partition: Partition, target: Path) -> int:
    """Write the standing version of a partition to `target`, in the format its suffix names; return the rows.

    The file appears whole or not at all. CSV and JSON have no bytes: there, bytes (of dead letters) are base64.

    Raises:
        InvalidIdentifier: `asset` can be no asset's name.
        NotPublished: the partition has no published version.
        NotExpected: it can have none.
        CorruptObject: its bytes are not those that were published.
        TradingAssetsError: the suffix names no format the asset can be written in.
        OSError: `target` cannot be written.
    """
    version = standing(parse_asset(asset), partition, warehouse)
    content = warehouse.lake.open(version)
    if not isinstance(content, pl.LazyFrame):
        if not target.name.endswith(f".{version.suffix}"):
            raise TradingAssetsError(f"{asset} is no table: give --out a name that ends in .{version.suffix}")
        source = warehouse.lake.store.verified(version.md5)
        write_whole(target, lambda path: shutil.copyfile(source, path))
        return version.n_rows
    write = _writer(target)
    table = content.collect()
    if target == STDOUT:
        _as_text(table).write_csv(sys.stdout.buffer)
    else:
        write_whole(target, lambda path: write(table, path))
    return table.height


def _writer(target: Path) -> Callable[[pl.DataFrame, Path], object]:
    formats: dict[str, Callable[[pl.DataFrame, Path], object]] = {
        ".parquet": pl.DataFrame.write_parquet,
        ".csv": lambda table, path: _as_text(table).write_csv(path),
        ".json": lambda table, path: _as_text(table).write_json(path),
    }
    if target != STDOUT and target.suffix not in formats:
        raise TradingAssetsError(f"--out {target}: write to a .parquet, .csv or .json file, or to -")
    return formats.get(target.suffix, formats[".csv"])


def _as_text(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(selectors.binary().bin.encode("base64"))


def write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `target`, which then takes its place whole or not at all.

    Raises:
        TradingAssetsError: `target` is a folder, or in none.
        OSError: it cannot be written.
    """
    if not target.parent.is_dir():
        raise TradingAssetsError(f"--out {target}: there is no folder {target.parent}")
    if target.is_dir():
        raise TradingAssetsError(f"--out {target}: that is a folder")
    if target.exists() and not target.is_file():
        write(target)  # a pipe or a device takes what it is given, and is not replaced by a file
        return
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        write(aside)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
