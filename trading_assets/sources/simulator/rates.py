"""How often orders arrive: rates estimated from a real market, by Cont, Stoikov and Talreja (2010).

At distance `i` ticks from the opposite best price limit orders arrive at rate `k / i ** alpha`, each resting
order is cancelled at rate `theta(i)`, and market orders arrive at rate `mu`, all as Poisson processes.

Belongs here: a market's rates.
Does not: what an arrival does to the book (`order_flow`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]


class Flow(NamedTuple):
    """Rates of arrival, per second, for one side of a market that nothing presses."""

    limit_within: Float64s  # [n] limit orders at distance 1 to n from the opposite best, summed up
    cancel: Float64s  # [n] of one average order at that distance; farther away, the last one
    market: float
    order_lots: int  # the average size of an order
    size_sigma: float  # the spread of the logarithm of an order's size


def tokyo_flow(*, speed: float, distance: int, order_lots: int) -> Flow:
    """Return the rates Cont, Stoikov and Talreja estimated for a Tokyo stock (their table 2), made faster.

    Args:
        speed: factor from their rates per minute to ours per second.
        distance: limit orders arrive up to this many ticks from the opposite best price.
        order_lots: average size of an order, log-normal around it; theirs are all of size 1.
    """
    near = np.array([1.85, 1.51, 1.09, 0.88, 0.77])
    far = 1.92 / np.arange(near.size + 1, distance + 1) ** 0.52
    theta = np.array([0.71, 0.81, 0.68, 0.56, 0.47])
    return Flow(speed * np.cumsum(np.concatenate([near, far])), speed * theta, speed * 0.94, order_lots, 0.7)
