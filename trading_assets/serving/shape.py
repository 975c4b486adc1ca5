"""From the rows of a published table to those of the table that serves it.

Belongs here: columns, types and keys. Does not: reading blocks (raw/blocks), writing them (write).
"""

from datetime import UTC, datetime, time, timedelta
from typing import Final

import polars as pl

from trading_assets.errors import NotServable
from trading_assets.features.grid import epoch_ns
from trading_assets.identifiers import Partition
from trading_assets.schema import TS_GRID
from trading_assets.serving.tables import DAY, DTYPES, INSTRUMENT_ID, OTHERS, SERVED

TIME: Final = pl.Datetime("us", "UTC")
"""What databases keep of a moment."""
_NS_OF_US: Final = 1_000


def shaped(block: pl.DataFrame, asset: str, partition: Partition) -> pl.DataFrame:
    """Return some rows of a version as the columns of the asset's table, in its order.

    Nothing is lost: columns that the table has not are in `others`, and what the version has not is null.

    Raises:
        NotServable: a tick is of another day, or between two microseconds.
    """
    _ensure_keyed(block, partition)
    dtypes = {name: dtype for name, dtype in DTYPES[asset].items() if name != TS_GRID}
    others = [name for name in block.columns if name != TS_GRID and name not in dtypes]
    return block.select(
        pl.lit(str(partition.instrument)).alias(INSTRUMENT_ID),
        pl.col(TS_GRID).cast(TIME),
        pl.lit(partition.day).alias(DAY),
        *(
            (pl.col(name) if name in block.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in dtypes.items()
        ),
        (pl.struct(others).struct.json_encode() if others else pl.lit(None, pl.String)).alias(OTHERS),
    ).select(SERVED[asset].columns.keys())


def span(partition: Partition) -> tuple[datetime, datetime]:
    """Return the day's first moment, and the next day's."""
    start = datetime.combine(partition.day, time(), UTC)
    return start, start + timedelta(days=1)


def _ensure_keyed(block: pl.DataFrame, partition: Partition) -> None:
    first, after = span(partition)
    n_astray, n_between = block.select(
        (~pl.col(TS_GRID).is_between(first, after, closed="left")).sum().alias("astray"),
        (epoch_ns(TS_GRID) % _NS_OF_US != 0).sum().alias("between"),
    ).row(0)
    if n_astray:
        raise NotServable(f"{partition}: {n_astray} ticks are of another day: publish it anew")
    if n_between:
        raise NotServable(
            f"{partition}: {n_between} ticks lie between two microseconds, which databases do not tell apart: "
            "make features.grid_s a whole number of microseconds"
        )
