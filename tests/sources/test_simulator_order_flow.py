from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.sources.simulator.order_flow import (
    ASK,
    ASK_LOTS,
    ASK_TICK,
    BID,
    BID_LOTS,
    BID_TICK,
    IS_TOP,
    LOTS,
    MIN_LEVELS,
    REACH,
    SIDE,
    STEP_NS,
    TICK,
    TIME,
    TRADED,
    Book,
    Int64s,
    advance,
    full_book,
    levels,
)
from trading_assets.sources.simulator.rates import Flow, tokyo_flow

worlds = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "tilt": st.sampled_from([-0.95, -0.3, 0.0, 0.3, 0.95]),
        "mid_tick": st.sampled_from([50, 20_000]),
        "distance": st.sampled_from([12, 40, 400]),
    }
)


def played(seed: int, tilt: float, mid_tick: int, distance: int, seconds: int = 5) -> tuple[Book, Book, Int64s]:
    flow = tokyo_flow(speed=5.0, distance=min(distance, mid_tick - 1), order_lots=20)
    book = full_book(flow, mid_tick=mid_tick)
    before = Book(*(column.copy() for column in book))
    tilts = np.full(10 * seconds, tilt)
    return before, book, advance(book, flow, tilts, start_ns=1_000, rng=np.random.default_rng(seed))


@settings(deadline=None, max_examples=40)
@given(world=worlds)
def test_changes_replayed_onto_the_first_book_give_the_last_one(world: dict[str, Any]) -> None:
    before, after, changes = played(**world)
    sides = [levels(before, BID), levels(before, ASK)]
    for side, tick, lots in changes[:, [SIDE, TICK, LOTS]].tolist():
        sides[side][tick] = lots

    for side in (BID, ASK):
        assert {tick: lots for tick, lots in sides[side].items() if lots} == levels(after, side)


@settings(deadline=None, max_examples=40)
@given(world=worlds)
def test_a_book_never_crosses_nor_runs_dry_nor_overlaps_its_ring(world: dict[str, Any]) -> None:
    _, book, changes = played(**world)
    bids, asks = levels(book, BID), levels(book, ASK)

    assert np.all(changes[:, BID_TICK] < changes[:, ASK_TICK])
    assert changes[:, TICK].min() >= 1
    assert changes[:, LOTS].min() >= 0
    assert min(changes[:, BID_LOTS].min(), changes[:, ASK_LOTS].min()) > 0
    assert min(len(bids), len(asks)) >= MIN_LEVELS
    assert max(max(asks) - max(bids), min(asks) - min(bids)) <= REACH


@settings(deadline=None, max_examples=20)
@given(world=worlds)
def test_running_totals_are_those_of_a_recount(world: dict[str, Any]) -> None:
    _, book, _ = played(**world)

    for side in (BID, ASK):
        assert sum(levels(book, side).values()) == book.lots[side].sum() == book.total[side]
        assert len(levels(book, side)) == book.n_levels[side]
        assert next(iter(levels(book, side))) == book.best[side]


def test_a_change_is_at_the_top_exactly_if_the_top_changed() -> None:
    _, _, changes = played(seed=1, tilt=0.0, mid_tick=20_000, distance=40, seconds=30)
    tops = changes[:, [BID_TICK, BID_LOTS, ASK_TICK, ASK_LOTS]]

    assert np.array_equal(changes[1:, IS_TOP].astype(bool), np.any(tops[1:] != tops[:-1], axis=1))


def test_changes_are_ordered_in_time_and_inside_the_steps() -> None:
    _, _, changes = played(seed=1, tilt=0.0, mid_tick=20_000, distance=40)

    assert np.all(np.diff(changes[:, TIME]) >= 0)
    assert changes[0, TIME] >= 1_000
    assert changes[-1, TIME] < 1_000 + 50 * STEP_NS


def test_market_orders_take_from_the_best_price_only() -> None:
    _, _, changes = played(seed=2, tilt=0.0, mid_tick=20_000, distance=40, seconds=30)
    before, traded = changes[:-1], changes[1:, TRADED] > 0
    best = np.where(changes[1:, SIDE] == BID, before[:, BID_TICK], before[:, ASK_TICK])

    assert traded.sum() > 100
    assert np.array_equal(changes[1:, TICK][traded], best[traded])


@pytest.mark.parametrize("distance", [1, 3, 5])
def test_limit_orders_arrive_at_the_rates_of_the_paper(distance: int) -> None:
    silent = Flow(np.cumsum([1.85, 1.51, 1.09, 0.88, 0.77]), np.array([1e-9]), 0.0, 10, 0.0)
    book = full_book(tokyo_flow(speed=1.0, distance=40, order_lots=20), mid_tick=1_000)
    changes = advance(book, silent, np.zeros(40_000), start_ns=0, rng=np.random.default_rng(3))
    steady = changes[np.flatnonzero(changes[:, ASK_TICK] - changes[:, BID_TICK] == 1)[0] + 1 :]
    seconds = (steady[-1, TIME] - steady[0, TIME]) / 1e9
    n = np.sum((steady[:, SIDE] == BID) & (steady[:, ASK_TICK] - steady[:, TICK] == distance))

    rate = np.diff(silent.limit_within, prepend=0.0)[distance - 1]
    assert abs(n - rate * seconds) < 4 * np.sqrt(rate * seconds)


def test_a_pressed_market_moves_the_way_it_is_pressed() -> None:
    up = played(seed=5, tilt=0.3, mid_tick=20_000, distance=40, seconds=60)[2]
    down = played(seed=5, tilt=-0.3, mid_tick=20_000, distance=40, seconds=60)[2]

    assert up[-1, BID_TICK] > 20_000 > down[-1, ASK_TICK]
