"""Write one published partition to a file people can open elsewhere.

Belongs here: Parquet, CSV and JSON out. Does not: other libraries' catalogues.
"""

import shutil
import sys
from pathlib import Path

import polars as pl

from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import Warehouse


def write_partition(warehouse: Warehouse, asset: str, partition: Partition, target: Path) -> int:
    """Write the standing version of a partition to `target`, in the format its suffix names; return the rows.

    Raises:
        NotPublished: the partition has no published version.
        CorruptObject: its bytes are not those that were published.
        TradingAssetsError: the suffix names no format the asset can be written in.
    """
    version = warehouse.lake.resolve(asset, partition)
    content = warehouse.lake.open(version)
    if not isinstance(content, pl.LazyFrame):
        if not target.name.endswith(version.suffix):
            raise TradingAssetsError(f"{asset} is a .{version.suffix} file: name --out so")
        shutil.copyfile(warehouse.lake.store.verified(version.md5), target)
        return version.n_rows
    table = content.collect()
    if str(target) == "-":
        table.write_csv(sys.stdout.buffer)
    elif target.suffix == ".parquet":
        table.write_parquet(target)
    elif target.suffix == ".csv":
        table.write_csv(target)
    elif target.suffix == ".json":
        table.write_json(target)
    else:
        raise TradingAssetsError(f"--out {target}: write to a .parquet, .csv or .json file, or to -")
    return table.height
