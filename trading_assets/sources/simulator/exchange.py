"""The venue over time: its matching engine, update ids, trade ids and the snapshots it hands out.

Belongs here: what happens at the exchange, whether or not anyone records it.
Does not: how messages are spelled (`wire`), nor when they reach a recorder (`captures`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import Instrument
from trading_assets.sources.simulator.order_flow import (
    ASK,
    BID,
    LOTS,
    SIDE,
    STEP_NS,
    TICK,
    TIME,
    TRADED,
    Int64s,
    advance,
    full_book,
    levels,
)
from trading_assets.sources.simulator.pressure import pressure, tilt
from trading_assets.sources.simulator.rates import tokyo_flow
from trading_assets.sources.simulator.recording import Recording

SPEED: Final = 2.0
DISTANCE: Final = 40
ORDER_LOTS: Final = 5_000
MID_TICKS: Final = (15_000, 30_000)
"""Where a market may open: at a tick of 0.01, between 150 and 300, so a tick is about half a basis point."""
WARM_UP_S: Final = 60
"""Played before the first session, so that it opens on a book the flow made; an order lives for about a second."""
BLOCK_NS: Final = 10_000_000_000
"""Simulated time held in memory at once; a whole number of minutes has a whole number of blocks."""
SNAPSHOT_PHASE_NS: Final = 537_000_000
"""Into the second, so that a snapshot falls inside a 100 ms window, as it does at a real venue."""
PAUSE_SEQS_PER_S: Final = 180
PAUSE_TRADES_PER_S: Final = 5
"""Ids that a second nobody records uses up, about as many as a recorded one."""
FIRST_SEQS_PER_S: Final = 1_000
FIRST_TRADES_PER_S: Final = 100
"""The first ids are counted from 1970, faster than any are used up: a day simulated later begins above days before."""
SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole book at an instant, and the id of the last change in it."""

    time_ns: int
    seq: int
    bids: dict[int, int]  # lots by tick, best price first
    asks: dict[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of one session by the venue's clock; change `i` has update id `first_seq + i`."""

    day: date
    start_ns: int
    changes: Int64s  # [n, order_flow.N_COLUMNS]
    first_seq: int
    first_trade_id: int
    snapshots: tuple[Snapshot, ...]
    pressure: NDArray[np.float64]  # [steps of STEP_NS]: the truth that no message tells


def streams(instrument: Instrument, seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Return an instrument's own randomness, for its market and for its wire, whatever else is simulated.

    Raises:
        InvalidIdentifier: the instrument is of a venue that is not simulated.
    """
    if instrument.venue != "BINANCE":
        raise InvalidIdentifier(f"{instrument} cannot be simulated: write {instrument.symbol}.BINANCE (spot only)")
    market, wire = np.random.SeedSequence(seed, spawn_key=tuple(instrument.symbol.encode())).spawn(2)
    return np.random.default_rng(market), np.random.default_rng(wire)


def blocks(instrument: Instrument, recording: Recording) -> Iterator[Block]:
    """Run the exchange and yield what happens in its recorded sessions, block by block, in order of time.

    Raises:
        InvalidIdentifier: the instrument is of a venue that is not simulated.
    """
    rng, _ = streams(instrument, recording.seed)
    _, first_ns, _ = next(recording.sessions())
    venue = _Venue(rng, recording.signal_strength, opens_ns=first_ns)
    offset_ns = recording.clock_offset_ms * 1_000_000
    closed_ns = None
    for day, opens_ns, closes_ns in recording.sessions():
        if closed_ns is not None:
            venue.pause(opens_ns - closed_ns)
        for start_ns in range(opens_ns, closes_ns, BLOCK_NS):
            due = range(opens_ns + SNAPSHOT_PHASE_NS, closes_ns, recording.snapshot_every_s * SECOND_NS)
            wanted = [at - offset_ns for at in due if start_ns <= at < start_ns + BLOCK_NS]
            yield venue.play(day, start_ns - offset_ns, wanted)
        closed_ns = closes_ns


class _Venue:
    """The exchange's state between blocks."""

    def __init__(self, rng: np.random.Generator, strength: float, *, opens_ns: int) -> None:
        self._rng = rng
        self._strength = strength
        self._flow = tokyo_flow(speed=SPEED, distance=DISTANCE, order_lots=ORDER_LOTS)
        self._book = full_book(self._flow, mid_tick=int(rng.integers(*MID_TICKS)))
        self._pressure: float | None = None
        self._seq = opens_ns * FIRST_SEQS_PER_S // SECOND_NS
        self._trade_id = opens_ns * FIRST_TRADES_PER_S // SECOND_NS
        advance(self._book, self._flow, np.zeros(WARM_UP_S * SECOND_NS // STEP_NS), start_ns=0, rng=rng)

    def play(self, day: date, start_ns: int, snapshots_at: list[int]) -> Block:
        """Run for BLOCK_NS and take the snapshots that are due."""
        n_steps = BLOCK_NS // STEP_NS
        truth = pressure(n_steps, step_s=STEP_NS / SECOND_NS, before=self._pressure, rng=self._rng)
        sides = levels(self._book, BID), levels(self._book, ASK)
        tilts = tilt(truth, strength=self._strength)
        changes = advance(self._book, self._flow, tilts, start_ns=start_ns, rng=self._rng)
        snapshots = tuple(_snapshot(sides, changes, self._seq, at) for at in snapshots_at)
        block = Block(day, start_ns, changes, self._seq, self._trade_id, snapshots, truth)
        self._seq += len(changes)
        self._trade_id += int(np.count_nonzero(changes[:, TRADED]))
        self._pressure = float(truth[-1])
        return block

    def pause(self, gap_ns: int) -> None:
        """Let unrecorded time pass: ids run on, pressure is forgotten, the book waits as it was."""
        if gap_ns > 0:
            self._seq += gap_ns * PAUSE_SEQS_PER_S // SECOND_NS
            self._trade_id += gap_ns * PAUSE_TRADES_PER_S // SECOND_NS
            self._pressure = None


def _snapshot(sides: tuple[dict[int, int], dict[int, int]], changes: Int64s, first_seq: int, at_ns: int) -> Snapshot:
    """Replay a block's changes up to an instant onto the book the block began with."""
    n = int(np.searchsorted(changes[:, TIME], at_ns, "right"))
    replayed = [dict(side) for side in sides]
    for side, tick, lots in changes[:n, [SIDE, TICK, LOTS]].tolist():
        replayed[side][tick] = lots
    bids, asks = ({tick: lots for tick, lots in sorted(side.items()) if lots > 0} for side in replayed)
    return Snapshot(at_ns, first_seq + n - 1, dict(reversed(bids.items())), asks)
