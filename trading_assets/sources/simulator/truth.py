"""What only the simulator knows: the hidden pressure beside the price, to measure what a signal is worth.

Belongs here: the truth on a grid of seconds, and the correlation it has with what comes after.
Does not: anything a model may look at; the truth is in no message.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.identifiers import Instrument
from trading_assets.sources.simulator.exchange import BLOCK_NS, SECOND_NS, Block, blocks
from trading_assets.sources.simulator.order_flow import ASK_LOTS, ASK_TICK, BID_LOTS, BID_TICK, STEP_NS, TIME
from trading_assets.sources.simulator.recording import Recording

Float64s = NDArray[np.float64]


class Truth(NamedTuple):
    """One session at the end of each of its `n` seconds."""

    pressure: Float64s  # [n] mean 0, variance 1
    mid_ticks: Float64s  # [n]
    imbalance: Float64s  # [n] of the best sizes, in [-1, 1]


def truths(instrument: Instrument, recording: Recording) -> list[Truth]:
    """Simulate, and return the truth of each session in order."""
    sessions = groupby(blocks(instrument, recording), key=attrgetter("day"))
    return [_truth(of_day) for _, of_day in sessions]


def forward_bps(truth: Truth, horizon_s: int) -> Float64s:
    """Return [n - horizon_s] mid-price returns of the next seconds, in basis points."""
    mid = truth.mid_ticks
    return 1e4 * (mid[horizon_s:] / mid[:-horizon_s] - 1)


def correlation(sessions: Sequence[Truth], horizon_s: int, *, of: str = "pressure") -> float:
    """Correlate what holds now (`pressure` or `imbalance`) with the return of the next seconds, over all sessions."""
    now = np.concatenate([getattr(truth, of)[:-horizon_s] for truth in sessions])
    return float(np.corrcoef(now, np.concatenate([forward_bps(truth, horizon_s) for truth in sessions]))[0, 1])


def _truth(of_day: Iterable[Block]) -> Truth:
    parts = [_seconds(block) for block in of_day]
    return Truth(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _seconds(block: Block) -> Truth:
    ends = block.start_ns + SECOND_NS * np.arange(1, BLOCK_NS // SECOND_NS + 1)
    rows = block.changes[np.searchsorted(block.changes[:, TIME], ends) - 1]
    bid, ask = rows[:, BID_LOTS], rows[:, ASK_LOTS]
    pressure = block.pressure[SECOND_NS // STEP_NS - 1 :: SECOND_NS // STEP_NS]
    return Truth(pressure, (rows[:, BID_TICK] + rows[:, ASK_TICK]) / 2, (bid - ask) / (bid + ask))
