"""A short simulated recording, damaged as a seed says, and what production makes of it."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random

import polars as pl

from trading_assets import schema
from trading_assets.features.matrix import feature_frame
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day
from trading_assets.sections import FeatureSettings
from trading_assets.sources.faults.expected import Gap
from trading_assets.sources.faults.request import Request
from trading_assets.sources.faults.truth import Truth, damaged
from trading_assets.sources.simulator.captures import simulate
from trading_assets.sources.simulator.exchange import blocks
from trading_assets.sources.simulator.order_flow import ASK, BID, LOTS, SIDE, TICK
from trading_assets.sources.simulator.recording import Recording

DAY = date(2024, 8, 8)
MARKET = Instrument("SIMBTC", "BINANCE")
RECORDING = Recording(
    start_day=DAY, days=1, minutes_per_day=1, signal_strength=0.5, seed=7, snapshot_every_s=10, clock_offset_ms=-3
)
FEATURES = FeatureSettings(grid_s=0.5, levels=3, windows_s=(1.0, 5.0, 10.0))
DEPTH = 20
EVERY_KIND = ("update", "trade", "snapshot", "ticker")
LEVELS = [schema.level(side, name, n) for n in range(DEPTH) for side in schema.SIDES for name in schema.FIELDS]
Row = tuple[int, int, int | None, int | None, int | None, str]


@dataclass(frozen=True)
class Day:
    """A damaged day: the truth, and the tables."""

    truth: Truth
    raw: RawDay

    def features(self) -> pl.DataFrame:
        frames = (self.raw.snapshots, self.raw.trades, self.raw.gaps)
        return feature_frame(*(frame.lazy() for frame in frames), FEATURES).collect()


@cache
def sound_lines() -> tuple[bytes, ...]:
    return tuple(b"".join(part for _, part in simulate(MARKET, RECORDING)).splitlines(keepends=True))


def request(seed: int) -> Request:
    """Always some of the faults that leave gaps, often the others: on updates and trades, or on every kind."""
    rng = Random(seed)
    return Request(
        drop=rng.randint(1, 6),
        repeat=rng.randint(1, 6),
        swap=rng.randint(1, 5),
        delay=rng.randint(1, 6),
        corrupt=rng.randint(0, 3),
        cross=rng.randint(0, 2),
        skew=rng.randint(0, 1),
        kinds=EVERY_KIND if rng.random() < 0.4 else ("update", "trade"),
        max_delay_ms=rng.choice((200, 500, 1500)),
        skew_clock=rng.choice(("event", "event", "receive")),
    )


def day(seed: int) -> Day:
    lines, truth = damaged(sound_lines(), request(seed), seed=seed)
    return Day(truth, rebuilt(lines))


def rebuilt(lines: list[bytes]) -> RawDay:
    messages = decode([b"".join(lines)], instrument=MARKET)
    return rebuild_day(messages, None, day=DAY, instrument=MARKET, depth=DEPTH)


def expected_rows(truth: Truth) -> list[Row]:
    return [_row(gap) for gap in truth.gaps]


def _row(gap: Gap) -> Row:
    return (gap.ts_start, gap.ts_known, gap.ts_end, gap.seq_before, gap.seq_after, gap.cause)


def ledger_rows(gaps: pl.DataFrame) -> list[Row]:
    times = pl.col(schema.TS_START, schema.TS_KNOWN, schema.TS_END).cast(pl.Int64)
    return gaps.with_columns(times, pl.col(schema.CAUSE).cast(pl.String)).rows()


@cache
def books_of_the_exchange() -> pl.DataFrame:
    """The exchange's own best levels at each update id, from its first snapshot on, told by no message."""
    sides: dict[int, dict[int, int]] = {}
    rows: list[tuple[float | int | None, ...]] = []
    for block in blocks(MARKET, RECORDING):
        for seq, (side, tick, lots) in enumerate(block.changes[:, [SIDE, TICK, LOTS]].tolist(), block.first_seq):
            if not sides and block.snapshots and block.snapshots[0].seq == seq:
                sides = {BID: dict(block.snapshots[0].bids), ASK: dict(block.snapshots[0].asks)}
            elif sides:
                sides[side][tick] = lots
            if sides:
                rows.append((seq, *_best(sides)))
    columns = {schema.SEQ_LAST: pl.Int64(), **dict.fromkeys(LEVELS, pl.Float64())}
    return pl.DataFrame(rows, schema=columns, orient="row")


def _best(sides: dict[int, dict[int, int]]) -> list[float | None]:
    bids = sorted((tick for tick, lots in sides[BID].items() if lots), reverse=True)[:DEPTH]
    asks = sorted(tick for tick, lots in sides[ASK].items() if lots)[:DEPTH]
    levels: list[float | None] = []
    for n in range(DEPTH):
        for side, ticks in ((BID, bids), (ASK, asks)):
            is_there = n < len(ticks)
            levels += [ticks[n] / 100, sides[side][ticks[n]] / 100_000] if is_there else [None, None]
    return levels
