"""Builders of feature inputs: times are seconds after `START`, prices and sizes are written as they are read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.features.lookahead import gaps_known_at
from trading_assets.features.matrix import feature_frame
from trading_assets.schema import (
    AGGRESSOR_SIDE,
    CAUSE,
    FEED_GAPS,
    FIELDS,
    IS_VALID,
    PX,
    SEQ_FIRST,
    SEQ_LAST,
    SZ,
    TIME,
    TRADE_ID,
    TRADES,
    TS_END,
    TS_EVENT,
    TS_GRID,
    TS_KNOWN,
    TS_RECV,
    TS_START,
    Side,
    l2_snapshots,
    level,
)
from trading_assets.sections import FeatureSettings

START = datetime(2024, 8, 8, tzinfo=UTC)
START_NS = 1_723_075_200_000_000_000
SMALL = FeatureSettings(grid_s=1.0, levels=3, windows_s=(1.0, 2.0, 5.0))

Ladder = Sequence[tuple[float, float]]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def row(second: float, bids: Ladder, asks: Ladder, *, is_valid: bool = True, depth: int = 3) -> dict[str, Any]:
    sides: dict[Side, Ladder] = {"bid": bids, "ask": asks}
    rungs = {
        level(side, field, n): ladder[n][i] if n < len(ladder) else None
        for side, ladder in sides.items()
        for n in range(depth)
        for i, field in enumerate(FIELDS)
    }
    times = {TS_EVENT: at(second), TS_RECV: at(second)}
    return {**times, SEQ_FIRST: 1, SEQ_LAST: 1, IS_VALID: is_valid, **rungs}


def book(*rows: dict[str, Any], depth: int = 3) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=l2_snapshots(depth))


def quotes(*mids: float, spread: float = 2.0) -> pl.DataFrame:
    """One row a second from second 0, size 1 on either side."""
    return book(*(row(n, [(mid - spread / 2, 1)], [(mid + spread / 2, 1)]) for n, mid in enumerate(mids)))


def tape(*trades: tuple[float, float, str]) -> pl.DataFrame:
    columns = (TS_EVENT, TS_RECV, TRADE_ID, PX, SZ, AGGRESSOR_SIDE)
    rows = [(at(second), at(second), n, 100.0, size, side) for n, (second, size, side) in enumerate(trades)]
    return pl.DataFrame(rows, schema={name: TRADES[name] for name in columns}, orient="row")


def ledger(*gaps: tuple[float, float, float | None, str]) -> pl.DataFrame:
    rows = [
        {TS_START: at(start), TS_KNOWN: at(known), TS_END: None if end is None else at(end), CAUSE: cause}
        for start, known, end, cause in gaps
    ]
    return pl.DataFrame(rows, schema=FEED_GAPS)


def features(
    frame: pl.DataFrame,
    trades: pl.DataFrame | None = None,
    gaps: pl.DataFrame | None = None,
    settings: FeatureSettings = SMALL,
) -> pl.DataFrame:
    trades = tape() if trades is None else trades
    gaps = ledger() if gaps is None else gaps
    return feature_frame(frame.lazy(), trades.lazy(), gaps.lazy(), settings).collect()


def values(frame: pl.DataFrame, name: str) -> list[Any]:
    return frame[name].to_list()


def ticks(frame: pl.DataFrame) -> list[float]:
    return [(instant - START).total_seconds() for instant in frame[TS_GRID]]


def random_book(seed: int, rows: int, *, depth: int = 3, seconds: int = 40, hostile: bool = True) -> pl.DataFrame:
    """A random walk of seeded steps; `hostile`: empty levels, invalid rows, zero and huge sizes, silences."""
    rng = np.random.default_rng(seed)
    ns = rng.integers(0, seconds * 10**9, rows)
    ns = np.sort(np.where(rng.random(rows) < 0.1, ns // 10**9 * 10**9, ns))
    if hostile and seed % 3 == 0:
        ns[rows // 2 :] += 90 * 10**9
    mid = 1_000 + np.cumsum(rng.integers(-1, 2, rows))
    is_valid = rng.random(rows) > (0.05 if hostile else 0.0)
    columns: dict[str, Any] = {
        TS_EVENT: START_NS + ns,
        TS_RECV: START_NS + ns,
        SEQ_FIRST: np.arange(rows),
        SEQ_LAST: np.arange(rows),
        IS_VALID: is_valid,
    }
    signs: dict[Side, int] = {"bid": -1, "ask": 1}
    for n in range(depth):
        for side, sign in signs.items():
            sizes = rng.choice([0.0, 0.001, 0.1, 0.3, 7.0, 1e15] if hostile else [0.1, 0.3, 7.0], rows)
            absent = rng.random(rows) < (0.1 if hostile else 0.0)
            columns[level(side, "px", n)] = _nullable((mid + sign * (n + 1)) * 0.5, absent)
            columns[level(side, "sz", n)] = _nullable(sizes, absent)
    return pl.DataFrame(columns).cast(pl.Schema(l2_snapshots(depth)))


def random_tape(seed: int, rows: int, *, seconds: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(seed + 1)
    ns = START_NS + rng.integers(0, seconds * 10**9, rows)
    columns = {
        TS_EVENT: ns,
        TS_RECV: ns,
        TRADE_ID: np.arange(rows),
        PX: np.full(rows, 500.0),
        SZ: rng.choice([0.1, 0.3, 1e-8, 5.0], rows),
        AGGRESSOR_SIDE: rng.choice(["buy", "sell"], rows),
    }
    return pl.DataFrame(columns).cast(pl.Schema(TRADES))


def random_ledger(seed: int, rows: int, *, seconds: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(seed + 2)
    causes = ["sequence_gap", "crossed", "trade_gap", "clock_skew", "no_snapshot", "resync"]
    gaps = []
    for _ in range(rows):
        start, wait, length = rng.integers(0, seconds * 4, 3) / 4
        end = None if rng.random() < 0.1 else start + wait / 20 + length / 20
        gaps.append((start, start + wait / 20, end, str(rng.choice(causes))))
    return ledger(*gaps)


def _nullable(numbers: NDArray[np.floating], absent: NDArray[np.bool_]) -> pl.Series:
    return pl.Series(numbers, dtype=pl.Float64).scatter(np.flatnonzero(absent).tolist(), None)


def known_at(
    book: pl.LazyFrame, trades: pl.LazyFrame, gaps: pl.LazyFrame, cut_ns: int
) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    """What had been received by a cut, and a blank row of the book a nanosecond later: the recording went on."""
    cut = pl.lit(cut_ns).cast(TIME)
    witness = pl.LazyFrame({TS_RECV: [cut_ns + 1]}, schema={TS_RECV: TIME})
    seen = book.filter(pl.col(TS_RECV) <= cut)
    return (
        pl.concat([seen, witness], how="diagonal"),
        trades.filter(pl.col(TS_RECV) <= cut),
        gaps_known_at(gaps, cut_ns),
    )
