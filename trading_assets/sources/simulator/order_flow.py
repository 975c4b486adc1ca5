"""Zero-intelligence order flow: limit orders, market orders and cancellations arrive at random and make a book.

The model is that of Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics", Operations
Research 58(3), 549-563; docs/simulator.md says what differs here.

Belongs here: the book and the loop over arrivals.
Does not: how often what arrives (`rates`), why one side is pressed (`pressure`), messages (`wire`).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.compiled import allocating
from trading_assets.sources.simulator.rates import Flow

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
STEP_NS: Final = 100_000_000
"""Pressure is constant over a step of this length."""

LIMIT_BUY, LIMIT_SELL, CANCEL_BID, CANCEL_ASK, MARKET_BUY, MARKET_SELL = range(6)
"""Kinds of arrival. The remainder by two is the side an order stands on; a market order takes from the other."""

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


class Tape(NamedTuple):
    """What the loop writes: the changes so far, and the venue's clock."""

    changes: Int64s  # [room, N_COLUMNS]
    clock: Int64s  # [1] ns
    n: Int64s  # [1] changes written


class Draws(NamedTuple):
    """Randomness for `n` arrivals, drawn ahead so that the loop is a function of its arguments."""

    waits: Float64s  # [n] exponential, mean 1
    uniforms: Float64s  # [n, 3] what arrives, where, and whether it is kept
    lots: Int64s  # [n] order sizes


def full_book(flow: Flow, *, mid_tick: int) -> Book:
    """Fill a book with the average number of orders at each price, on both sides of `mid_tick`."""
    best = np.array([mid_tick - 1, mid_tick + 1])
    book = Book(np.zeros((2, RING), np.int64), best, np.zeros(2, np.int64), np.zeros(2, np.int64))
    limit = np.diff(flow.limit_within, prepend=0.0)
    cancel = flow.cancel[np.minimum(np.arange(limit.size), flow.cancel.size - 1)]
    for distance, lots in enumerate(np.ceil(flow.order_lots * limit / cancel).astype(np.int64), start=1):
        _add(book, BID, mid_tick - distance, lots)
        _add(book, ASK, mid_tick + distance, lots)
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
    tape = Tape(np.empty((0, N_COLUMNS), np.int64), np.array([start_ns]), np.zeros(1, np.int64))
    n_draws = 64 + int(4.2 * flow.limit_within[-1] * tilts.size * STEP_NS / 1e9)
    chunks = []
    while tape.clock[0] < start_ns + STEP_NS * tilts.size:
        changes = np.empty((n_draws + 4 * REACH, N_COLUMNS), np.int64)
        tape = Tape(changes, tape.clock, np.zeros(1, np.int64))
        _run(book, flow, tilts, start_ns, _draw(flow, n_draws, rng), tape)
        chunks.append(changes[: tape.n[0]])
    return np.concatenate(chunks)


def _draw(flow: Flow, n: int, rng: np.random.Generator) -> Draws:
    """Draw what `n` arrivals need; order sizes are log-normal around the flow's average."""
    sizes = flow.order_lots * rng.lognormal(-(flow.size_sigma**2) / 2, flow.size_sigma, n)
    lots = np.maximum(np.rint(sizes), 1).astype(np.int64)
    return Draws(rng.standard_exponential(n), rng.random((n, 3)), lots)


@allocating
def _run(book: Book, flow: Flow, tilts: Float64s, start_ns: int, draws: Draws, tape: Tape) -> None:
    """Let draws arrive until they, the steps or the room on the tape run out."""
    for i in range(draws.waits.size):
        step = (tape.clock[0] - start_ns) // STEP_NS
        if step >= tilts.size or tape.n[0] + 3 * REACH > tape.changes.shape[0]:
            break
        rates = _rates(book, flow, tilts[step])
        due_ns = tape.clock[0] + np.int64(draws.waits[i] / rates[-1] * 1e9)
        step_end_ns = start_ns + (step + 1) * STEP_NS
        tape.clock[0] = min(due_ns, step_end_ns)
        # A wait that outlasts its step is thrown away: exponential waits have no memory, so the flow is the same.
        if due_ns < step_end_ns:
            kind = np.searchsorted(rates, draws.uniforms[i, 0] * rates[-1], "right")
            _arrive(book, flow, kind, draws.uniforms[i], draws.lots[i], tape)


@allocating
def _rates(book: Book, flow: Flow, tilt: float) -> Float64s:
    """Sum up the rates of the kinds of arrival, in their order."""
    cancel = flow.cancel.max() / flow.order_lots
    rates = np.empty(6)
    rates[LIMIT_BUY] = flow.limit_within[-1] * (1 + tilt)
    rates[LIMIT_SELL] = flow.limit_within[-1] * (1 - tilt)
    rates[CANCEL_BID] = cancel * book.total[BID] * (1 - tilt)
    rates[CANCEL_ASK] = cancel * book.total[ASK] * (1 + tilt)
    rates[MARKET_BUY] = flow.market * (1 + tilt)
    rates[MARKET_SELL] = flow.market * (1 - tilt)
    return np.cumsum(rates)


@allocating
def _arrive(book: Book, flow: Flow, kind: int, uniforms: Float64s, lots: int, tape: Tape) -> None:
    side = kind % 2
    if kind in (LIMIT_BUY, LIMIT_SELL):
        distance = 1 + np.searchsorted(flow.limit_within, uniforms[1] * flow.limit_within[-1], "right")
        tick = book.best[1 - side] + (distance if side == ASK else -distance)
        if tick >= 1:
            _change(book, side, tick, lots, tape)
    elif kind in (CANCEL_BID, CANCEL_ASK):
        tick = _tick_of(book, side, min(int(uniforms[1] * book.total[side]), book.total[side] - 1))
        distance = min(abs(tick - book.best[1 - side]), flow.cancel.size)
        # The rate above is that of the hastiest distance; others keep their share of it.
        if uniforms[2] * flow.cancel.max() < flow.cancel[distance - 1]:
            _change(book, side, tick, -min(lots, _removable(book, side, tick)), tape)
    else:
        _match(book, 1 - side, lots, tape)


@allocating
def _match(book: Book, side: int, lots: int, tape: Tape) -> None:
    """Trade against a side, price by price, until the order is filled or the side refuses to be emptied."""
    while lots > 0:
        tick = book.best[side]
        traded = min(lots, _removable(book, side, tick))
        if traded == 0:
            break
        row = tape.n[0]
        _change(book, side, tick, -traded, tape)
        tape.changes[row, TRADED] = traded
        lots -= traded


@allocating
def _tick_of(book: Book, side: int, lots_before: int) -> int:
    """Find the price of the resting lot that has so many lots of its side before it."""
    tick = book.best[side]
    before = lots_before - book.lots[side, tick % RING]
    while before >= 0:
        tick += 1 if side == ASK else -1
        before -= book.lots[side, tick % RING]
    return int(tick)


@allocating
def _removable(book: Book, side: int, tick: int) -> int:
    return int(book.lots[side, tick % RING]) - (1 if book.n_levels[side] <= MIN_LEVELS else 0)


@allocating
def _change(book: Book, side: int, tick: int, lots: int, tape: Tape) -> None:
    """Add lots to a level, or take them; then pull what has come to rest too far from this side's best price."""
    if lots == 0:
        return
    outward = 1 if side == ASK else -1
    best = book.best[side]
    _add_and_write(book, side, tick, lots, tape)
    while (book.best[side] - best) * outward > 0:
        far = best - outward * REACH
        resting = book.lots[1 - side, far % RING]
        if resting > 0:
            _add_and_write(book, 1 - side, far, -resting, tape)
        best += outward


@allocating
def _add_and_write(book: Book, side: int, tick: int, lots: int, tape: Tape) -> None:
    best = book.best[side]
    _add(book, side, tick, lots)
    row = tape.changes[tape.n[0]]
    row[TIME], row[SIDE], row[TICK] = tape.clock[0], side, tick
    row[LOTS], row[TRADED] = book.lots[side, tick % RING], 0
    row[IS_TOP] = tick in (best, book.best[side])
    row[BID_TICK], row[BID_LOTS] = book.best[BID], book.lots[BID, book.best[BID] % RING]
    row[ASK_TICK], row[ASK_LOTS] = book.best[ASK], book.lots[ASK, book.best[ASK] % RING]
    tape.n[0] += 1


@allocating
def _add(book: Book, side: int, tick: int, lots: int) -> None:
    outward = 1 if side == ASK else -1
    before = book.lots[side, tick % RING]
    after = before + lots
    book.lots[side, tick % RING] = after
    book.total[side] += lots
    book.n_levels[side] += (1 if after > 0 else 0) - (1 if before > 0 else 0)
    if after > 0 and (tick - book.best[side]) * outward < 0:
        book.best[side] = tick
    while book.lots[side, book.best[side] % RING] == 0 and book.n_levels[side] > 0:
        book.best[side] += outward
