"""Zero-intelligence order flow: limit orders, market orders and cancellations arrive at random and make a book.

The model is that of Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics", Operations
Research 58(3), 549-563: at distance `i` ticks from the opposite best price limit orders arrive as a Poisson
process of rate `k / i ** alpha`, each resting order is cancelled at rate `theta(i)`, market orders arrive at
rate `mu`. docs/simulator.md lists what differs: order sizes are random, and a pressure tilts the two sides.

Belongs here: the book, its rates, and the loop over arrivals.
Does not: what a message looks like (`wire`), nor where pressure comes from (`pressure`).
"""

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]

BID: Final = 0
ASK: Final = 1
REACH: Final = 500
"""No order rests farther than this many ticks from the opposite best price; then the ring below cannot overlap."""
RING: Final = 1024
"""Slots a side: a tick's slot is its remainder, so prices may wander without end. A power of two above REACH."""
MIN_LEVELS: Final = 10
"""A side never falls below this many prices: what would empty the next one leaves a lot behind."""
SIZE_SIGMA: Final = 0.7
"""Spread of the logarithm of an order's size."""
STEP_NS: Final = 100_000_000
"""Pressure is constant over a step of this length."""

TIME, SIDE, TICK, LOTS, TRADED, IS_TOP, BID_TICK, BID_LOTS, ASK_TICK, ASK_LOTS = range(10)
N_COLUMNS: Final = 10
"""Columns of a change: ns, side and price that changed, lots there now, lots traded, whether the best price or
its size changed, and the top of the book after it."""


class Book(NamedTuple):
    """Resting lots by side and price, with what the loop would otherwise have to recount."""

    lots: Int64s  # [2, RING]
    best: Int64s  # [2] ticks
    total: Int64s  # [2] lots
    n_levels: Int64s  # [2]


class Flow(NamedTuple):
    """Rates of arrival, per second, for one side of a market that nothing presses."""

    limit_within: Float64s  # [n] limit orders at distance 1 to n from the opposite best, summed up
    cancel: Float64s  # [n] of one average order at that distance; farther away, the last one
    market: float
    order_lots: int  # the average size of an order


class Draws(NamedTuple):
    """Randomness for `n` arrivals, drawn ahead so that the loop is a function of its arguments."""

    waits: Float64s  # [n] exponential, mean 1
    uniforms: Float64s  # [n, 3] what arrives, where, and whether it is kept
    lots: Int64s  # [n] order sizes


def tokyo_flow(*, speed: float, distance: int, order_lots: int) -> Flow:
    """Return the rates Cont, Stoikov and Talreja estimated for a Tokyo stock (their table 2), made faster.

    Args:
        speed: factor from their rates per minute to ours per second.
        distance: limit orders arrive up to this many ticks from the opposite best price.
        order_lots: average size of an order; theirs is the unit.
    """
    near = np.array([1.85, 1.51, 1.09, 0.88, 0.77])
    far = 1.92 / np.arange(near.size + 1, distance + 1) ** 0.52
    theta = np.array([0.71, 0.81, 0.68, 0.56, 0.47])
    return Flow(speed * np.cumsum(np.concatenate([near, far])), speed * theta, speed * 0.94, order_lots)


def full_book(flow: Flow, *, mid_tick: int) -> Book:
    """Fill a book with the average number of orders at each price, on both sides of `mid_tick`."""
    best = np.array([mid_tick - 1, mid_tick + 1])
    book = Book(np.zeros((2, RING), np.int64), best, np.zeros(2, np.int64), np.zeros(2, np.int64))
    limit = np.diff(flow.limit_within, prepend=0.0)
    cancel = flow.cancel[np.minimum(np.arange(limit.size), flow.cancel.size - 1)]
    for distance, lots in enumerate(np.ceil(flow.order_lots * limit / cancel).astype(np.int64), start=1):
        _set_level(book, BID, mid_tick - distance, lots)
        _set_level(book, ASK, mid_tick + distance, lots)
    return book


def levels(book: Book, side: int) -> dict[int, int]:
    """Return lots by tick, best price first."""
    ticks = book.best[side] + np.arange(REACH + 1) * (1 if side == ASK else -1)
    lots = book.lots[side, ticks % RING]
    return dict(zip(ticks[lots > 0].tolist(), lots[lots > 0].tolist(), strict=True))


def advance(book: Book, flow: Flow, tilts: Float64s, *, start_ns: int, rng: np.random.Generator) -> Int64s:
    """Run the book through steps of constant tilt, in place, and return every change of it.

    Args:
        book: the state, changed in place.
        flow: rates where nothing presses.
        tilts: [s] relative change of the rates, in (-1, 1), buyers' way where positive; one a step of STEP_NS.
        start_ns: when the first step begins.
        rng: the source of all randomness.

    Returns:
        [n, N_COLUMNS] changes in order of time, all within the steps.
    """
    clock = np.array([start_ns], np.int64)
    n_draws = 64 + int(4.2 * flow.limit_within[-1] * tilts.size * STEP_NS / 1e9)
    chunks = []
    while clock[0] < start_ns + STEP_NS * tilts.size:
        changes = np.empty((n_draws + 4 * REACH, N_COLUMNS), np.int64)
        n = _run(book, flow, tilts, _draw(flow, n_draws, rng), (start_ns, clock, changes))
        chunks.append(changes[:n])
    return np.concatenate(chunks)


def _draw(flow: Flow, n: int, rng: np.random.Generator) -> Draws:
    """Draw what `n` arrivals need; order sizes are log-normal around the flow's average."""
    logs = rng.normal(-(SIZE_SIGMA**2) / 2, SIZE_SIGMA, n)
    lots = np.maximum(np.rint(flow.order_lots * np.exp(logs)), 1).astype(np.int64)
    return Draws(rng.standard_exponential(n), rng.random((n, 3)), lots)


@numba.njit(cache=True)
def _run(book, flow, tilts, draws, output):
    """Let draws arrive until they, the steps or the room for changes run out; return the number of changes."""
    start_ns, clock, changes = output
    n = 0
    for i in range(draws.waits.size):
        step = (clock[0] - start_ns) // STEP_NS
        if step >= tilts.size or n + 3 * REACH > changes.shape[0]:
            break
        rates = _rates(book, flow, tilts[step])
        due_ns = clock[0] + np.int64(draws.waits[i] / rates[-1] * 1e9)
        clock[0] = min(due_ns, start_ns + (step + 1) * STEP_NS)
        # A wait that outlasts its step is thrown away: exponential waits have no memory, so the flow is the same.
        if clock[0] == due_ns:
            kind = np.searchsorted(rates, draws.uniforms[i, 0] * rates[-1], "right")
            n = _arrive(book, flow, kind, (draws.uniforms[i, 1], draws.uniforms[i, 2], draws.lots[i]), (clock[0], changes, n))
    return n


@numba.njit(cache=True)
def _rates(book, flow, tilt):
    """Sum up the rates of limit buys and sells, market buys and sells, bid and ask cancellations."""
    cancel = flow.cancel.max() / flow.order_lots
    rates = np.empty(6)
    rates[0] = flow.limit_within[-1] * (1 + tilt)
    rates[1] = flow.limit_within[-1] * (1 - tilt)
    rates[2] = flow.market * (1 + tilt)
    rates[3] = flow.market * (1 - tilt)
    rates[4] = cancel * book.total[BID] * (1 - tilt)
    rates[5] = cancel * book.total[ASK] * (1 + tilt)
    return np.cumsum(rates)


@numba.njit(cache=True)
def _arrive(book, flow, kind, order, output):
    """Apply one arrival; return the number of changes so far."""
    if kind < 2:
        return _limit(book, flow, kind, order, output)
    if kind < 4:
        return _market(book, 3 - kind, order, output)
    return _cancel(book, flow, kind - 4, order, output)


@numba.njit(cache=True)
def _limit(book, flow, side, order, output):
    where, _, lots = order
    time_ns, changes, n = output
    distance = 1 + np.searchsorted(flow.limit_within, where * flow.limit_within[-1], "right")
    tick = book.best[1 - side] + (distance if side == ASK else -distance)
    if tick < 1:
        return n
    return _change(book, (side, tick, book.lots[side, tick % RING] + lots, 0), time_ns, changes, n)


@numba.njit(cache=True)
def _market(book, side, order, output):
    lots = order[2]
    time_ns, changes, n = output
    while lots > 0:
        tick = book.best[side]
        taken = min(lots, _removable(book, side, tick))
        if taken == 0:
            break
        n = _change(book, (side, tick, book.lots[side, tick % RING] - taken, taken), time_ns, changes, n)
        lots -= taken
    return n


@numba.njit(cache=True)
def _cancel(book, flow, side, order, output):
    where, keep, lots = order
    time_ns, changes, n = output
    tick = book.best[side]
    before = where * book.total[side] - book.lots[side, tick % RING]
    while before >= 0:
        tick += 1 if side == ASK else -1
        before -= book.lots[side, tick % RING]
    distance = min(abs(tick - book.best[1 - side]), flow.cancel.size)
    taken = min(lots, _removable(book, side, tick))
    if taken == 0 or keep * flow.cancel.max() > flow.cancel[distance - 1]:
        return n
    return _change(book, (side, tick, book.lots[side, tick % RING] - taken, 0), time_ns, changes, n)


@numba.njit(cache=True)
def _removable(book, side, tick):
    return book.lots[side, tick % RING] - (1 if book.n_levels[side] <= MIN_LEVELS else 0)


@numba.njit(cache=True)
def _change(book, change, time_ns, changes, n):
    """Set one level, write it down, and pull what now rests too far from the other side."""
    side, tick, lots, traded = change
    top = book.best[side]
    n = _set_and_write(book, change, time_ns, changes, n)
    outward = 1 if side == ASK else -1
    far = top - outward * REACH
    while (book.best[side] - top) * outward > 0:
        top += outward
        if book.lots[1 - side, far % RING] > 0:
            n = _set_and_write(book, (1 - side, far, 0, 0), time_ns, changes, n)
        far += outward
    return n


@numba.njit(cache=True)
def _set_and_write(book, change, time_ns, changes, n):
    side, tick, lots, traded = change
    top = book.best[side]
    _set_level(book, side, tick, lots)
    row = changes[n]
    row[TIME], row[SIDE], row[TICK], row[LOTS], row[TRADED] = time_ns, side, tick, lots, traded
    row[IS_TOP] = tick in (top, book.best[side])
    row[BID_TICK], row[ASK_TICK] = book.best[BID], book.best[ASK]
    row[BID_LOTS] = book.lots[BID, book.best[BID] % RING]
    row[ASK_LOTS] = book.lots[ASK, book.best[ASK] % RING]
    return n + 1


@numba.njit(cache=True)
def _set_level(book, side, tick, lots):
    outward = 1 if side == ASK else -1
    before = book.lots[side, tick % RING]
    book.lots[side, tick % RING] = lots
    book.total[side] += lots - before
    book.n_levels[side] += (1 if lots > 0 else 0) - (1 if before > 0 else 0)
    if lots > 0 and (tick - book.best[side]) * outward < 0:
        book.best[side] = tick
    while book.lots[side, book.best[side] % RING] == 0 and book.n_levels[side] > 0:
        book.best[side] += outward
