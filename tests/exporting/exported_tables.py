"""Small published tables to export."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from trading_assets import schema

DAY = int(datetime(2024, 8, 8, tzinfo=UTC).timestamp()) * 10**9
Side = list[tuple[float, float]]


def book_table(rows: list[tuple[int, int | None, int, bool, Side, Side]], folder: Path, depth: int = 2) -> Path:
    """Write rows of `(ts_recv, ts_event, seq, is_valid, bids, asks)`, times in ns after midnight."""
    records = []
    for recv, event, seq, is_valid, *sides in rows:
        flat = [[*(side + [(None, None)] * depth)[n]] for n in range(depth) for side in sides]
        at = None if event is None else DAY + event
        records.append([at, DAY + recv, seq, seq, is_valid, *(value for pair in flat for value in pair)])
    path = folder / "books.parquet"
    pl.DataFrame(records, schema=schema.l2_snapshots(depth), orient="row").write_parquet(path)
    return path


def trade_table(rows: list[tuple[int, int | None, int | None, float, float, str | None]], folder: Path) -> Path:
    """Write rows of `(ts_recv, ts_event, trade_id, px, sz, aggressor_side)`."""
    records = [[None if event is None else DAY + event, DAY + recv, *rest] for recv, event, *rest in rows]
    path = folder / "trades.parquet"
    pl.DataFrame(records, schema=dict(schema.TRADES), orient="row").write_parquet(path)
    return path
