"""Walks in blocks of a chosen size, and tables with every kind of flaw."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets import schema
from trading_assets.raw import blocks

START_NS = int(datetime(2024, 8, 8, tzinfo=UTC).timestamp()) * 10**9
FLAWS = [None, float("nan"), float("inf"), -1.0, 0.0]


@contextmanager
def blocks_of(n_rows: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ROWS", n_rows)
        patch.setattr(blocks, "_MOST_BLOCKS", 1)
        yield


def flawed_book(seed: int, rows: int, *, depth: int = 2) -> pl.DataFrame:
    """Few times, ids and prices, so that rows repeat, fall back and cross; one value in ten is a flaw."""
    rng = np.random.default_rng(seed)
    times = START_NS + np.sort(rng.integers(-2, rows, rows)) * 10**9 - rng.integers(0, 9, rows) // 8 * 10**9
    ids = np.sort(rng.integers(0, rows + 1, rows)) - rng.integers(0, 9, rows) // 8 * 3
    columns: dict[str, Any] = {
        schema.TS_EVENT: times,
        schema.TS_RECV: _flawed(rng, times, [None]),
        schema.SEQ_FIRST: _flawed(rng, ids, [None]),
        schema.SEQ_LAST: _flawed(rng, ids, [None]),
        schema.IS_VALID: _flawed(rng, rng.random(rows) > 0.2, [None]),
    }
    for n in range(depth):
        for side, sign in (("bid", -1), ("ask", 1)):
            columns[schema.level(side, "px", n)] = _flawed(rng, 100.0 + sign * (n + rng.integers(0, 2, rows)), FLAWS)
            columns[schema.level(side, "sz", n)] = _flawed(rng, rng.integers(1, 3, rows) * 1.0, FLAWS)
    return pl.DataFrame(columns, strict=False).cast(pl.Schema(schema.l2_snapshots(depth)))


def flawed_trades(seed: int, rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    times = START_NS + rng.integers(-1, rows + 1, rows) * 10**9
    columns = {
        schema.TS_EVENT: times,
        schema.TS_RECV: _flawed(rng, times, [None]),
        schema.TRADE_ID: _flawed(rng, np.sort(rng.integers(0, rows + 1, rows)), [None, 0]),
        schema.PX: _flawed(rng, np.full(rows, 100.0), FLAWS),
        schema.SZ: _flawed(rng, np.full(rows, 1.0), FLAWS),
        schema.AGGRESSOR_SIDE: _flawed(rng, np.full(rows, "buy"), [None]),
    }
    return pl.DataFrame(columns, strict=False).cast(pl.Schema(schema.TRADES))


def _flawed(rng: np.random.Generator, values: Any, flaws: list[Any]) -> list[Any]:
    picks, which = rng.random(len(values)), rng.integers(0, len(flaws), len(values))
    return [flaws[n] if pick < 0.1 else value for value, pick, n in zip(values.tolist(), picks, which, strict=True)]
