"""The planted signal: a latent pressure that tilts order flow now and, because it lasts, prices a while later.

Belongs here: the process of the pressure, and what its strength means.
Does not: how flow answers it (`order_flow`).
"""

from math import exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

HALF_LIFE_S: Final = 10.0
"""Time after which half of a pressure is expected to be left: the span a forecast can be good for."""
MAX_TILT: Final = 0.25
"""At full strength and extreme pressure, buyers' rates are this much higher and sellers' this much lower."""


def pressure(n: int, *, step_s: float, before: float | None, rng: np.random.Generator) -> NDArray[np.float64]:
    """Continue a stationary first-order autoregression with mean 0 and variance 1.

    Args:
        n: number of steps.
        step_s: length of a step, seconds.
        before: the value before the first step, or None to draw one from the stationary distribution.
        rng: the source of all randomness.

    Returns:
        [n] values, one a step.
    """
    keep = exp(-np.log(2.0) * step_s / HALF_LIFE_S)
    noise = rng.standard_normal(n + 1)
    value = float(noise[0]) if before is None else before
    values = np.empty(n)
    for i, shock in enumerate((sqrt(1 - keep**2) * noise[1:]).tolist()):
        value = keep * value + shock
        values[i] = value
    return values


def tilt(values: NDArray[np.float64], *, strength: float) -> NDArray[np.float64]:
    """Turn pressure into a relative change of rates, in (-MAX_TILT, MAX_TILT); strength 0 is exactly 0."""
    return strength * MAX_TILT * np.tanh(values)
