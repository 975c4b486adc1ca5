"""Slices of real recordings damaged on purpose, and a damaged day after another: the rebuild against the truth."""

import gzip
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day
from trading_assets.sources.faults.book import NaiveBook
from trading_assets.sources.faults.request import Clock, Request
from trading_assets.sources.faults.truth import Truth, damaged
from trading_assets.sources.faults.wire import Said, read
from trading_assets.sources.simulator.captures import simulate
from trading_assets.sources.simulator.recording import Recording

SPOT, USDM = Instrument("BTCUSDT", "BINANCE"), Instrument("BTCUSDT", "BINANCE_USDM")
EIGHTH, NINTH = date(2024, 8, 8), date(2024, 8, 9)
N_LINES = 12_000
SNAPSHOT_EVERY = 100
"""Updates between snapshots that a recorder which asks again and again would have."""
REQUEST = {"drop": 6, "repeat": 8, "swap": 6, "delay": 8, "corrupt": 3, "cross": 2, "skew": 1, "max_delay_ms": 400}


def decoded(lines: list[bytes], instrument: Instrument) -> Messages:
    return decode([b"".join(lines)], instrument=instrument)


@cache
def slice_of(folder: Path, instrument: Instrument) -> tuple[bytes, ...]:
    path = folder / "captures" / instrument.venue.lower() / instrument.symbol / f"{EIGHTH}.jsonl.gz"
    if not path.is_file():
        # other people's recordings are not ours to ship, and a folder of them may lack this market
        pytest.skip(f"no real capture at {path}")
    with gzip.open(path) as file:
        return tuple(with_snapshots(list(islice(file, N_LINES))))


def with_snapshots(lines: list[bytes]) -> Iterator[bytes]:
    """Add what the venue would have answered, had it been asked for the book again and again."""
    book, n_updates = NaiveBook(), 0
    for line in lines:
        yield line
        message = read(line)
        if message.kind in {"update", "snapshot"}:
            list(book.follow([message]))
            n_updates += 1
            if book.at is not None and n_updates % SNAPSHOT_EVERY == 0:
                yield snapshot_of(book, message)


def snapshot_of(book: NaiveBook, after: Said) -> bytes:
    ms = (after.ts_event or 0) // 1_000_000
    clocks = f'"E":{ms},"T":{ms},' if after.is_linked else ""
    bids, asks = (
        ",".join(f'["{px:.2f}","{sz:.8f}"]' for px, sz in side)
        for side in (sorted(book.bids.items(), reverse=True), sorted(book.asks.items()))
    )
    return f'{after.ts_recv} {{"lastUpdateId":{book.at},{clocks}"bids":[{bids}],"asks":[{asks}]}}\n'.encode()


@cache
def sound(folder: Path, instrument: Instrument) -> pl.DataFrame:
    """The undamaged book at each id."""
    raw = rebuilt(list(slice_of(folder, instrument)), instrument)
    return raw.snapshots.filter(schema.IS_VALID).drop(schema.TS_RECV, schema.TS_EVENT, schema.SEQ_FIRST).unique()


def rebuilt(lines: list[bytes], instrument: Instrument) -> RawDay:
    return rebuild_day(decoded(lines, instrument), None, day=EIGHTH, instrument=instrument, depth=20)


@pytest.mark.parametrize("instrument", [SPOT, USDM], ids=str)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clock", ["event", "receive"])
def test_a_damaged_slice_of_a_real_recording_leads_to_exactly_what_was_told(
    shared_data: Path, instrument: Instrument, seed: int, clock: Clock
) -> None:
    lines, truth = damaged(slice_of(shared_data, instrument), Request(**REQUEST, skew_clock=clock), seed=seed)
    raw = rebuilt(lines, instrument)
    valid = raw.snapshots.filter(schema.IS_VALID).select(sound(shared_data, instrument).columns)

    assert told(truth) == rows_of(raw.gaps)
    assert {"sequence_gap", "trade_gap", "crossed"} <= set(raw.gaps[schema.CAUSE])
    assert len(truth.dead_letters) == len(raw.findings.dead_letters) == 3
    assert len(valid) > 0.3 * len(raw.snapshots)
    assert_frame_equal(
        valid.select(schema.SEQ_LAST).join(
            sound(shared_data, instrument), on=schema.SEQ_LAST, how="left", maintain_order="left"
        ),
        valid,
    )


def told(truth: Truth) -> list[tuple[object, ...]]:
    return [(g.ts_start, g.ts_known, g.ts_end, g.seq_before, g.seq_after, g.cause) for g in truth.gaps]


def rows_of(gaps: pl.DataFrame) -> list[tuple[object, ...]]:
    times = pl.col(schema.TS_START, schema.TS_KNOWN, schema.TS_END).cast(pl.Int64)
    return gaps.with_columns(times, pl.col(schema.CAUSE).cast(pl.String)).rows()


def test_a_damaged_day_goes_on_from_the_damaged_day_before() -> None:
    market = Instrument("SIMETH", "BINANCE")
    recording = Recording(start_day=EIGHTH, days=2, minutes_per_day=1, signal_strength=0.5, seed=7, snapshot_every_s=20)
    parts = list(simulate(market, recording))
    first, second = (b"".join(x for d, x in parts if d == day).splitlines(keepends=True) for day in (EIGHTH, NINTH))
    wanted = Request(drop=3, repeat=3, swap=3, delay=3, corrupt=2)
    for seed in range(5):
        before, _ = damaged(first, wanted, seed=seed)
        lines, truth = damaged(second, wanted, seed=seed + 1, yesterday=before)
        raw = rebuild_day(decoded(lines, market), decoded(before, market), day=NINTH, instrument=market, depth=20)

        assert told(truth) == rows_of(raw.gaps)
        assert "no_snapshot" not in set(raw.gaps[schema.CAUSE])
        assert raw.gaps[schema.CAUSE][0] == "sequence_gap"
