"""From exact decimals to floats in the venue's units.

Belongs here: the one division that turns integers into published prices and sizes.
Does not: which integers (decoding), nor what they mean.
"""

from typing import Final

import numpy as np

from trading_assets.compiled import Int, compiled
from trading_assets.raw.messages import Floats, Int8s, Int64s

_EXACT_INTEGERS: Final = 2**53
_EXACT_POWERS: Final[Floats] = np.array([10.0**places for places in range(23)])
"""Up to here, both sides of the division are exact doubles, so that IEEE division rounds once."""


def in_units(mantissas: Int64s, decimals: Int8s | int) -> Floats:
    """Return `mantissas / 10**decimals`, correctly rounded: equal decimals give equal floats at any scale.

    Args:
        mantissas: `[n]` integers, none negative.
        decimals: how many of their digits stand after the point, at most 22: of each, or of all.

    Returns:
        `[n]` the nearest double to each exact quotient.
    """
    mantissas = np.ascontiguousarray(mantissas, np.int64)
    of_each = np.ascontiguousarray(np.broadcast_to(np.asarray(decimals, np.int8), mantissas.shape))
    floats: Floats = np.empty(len(mantissas))
    if _divide(mantissas, of_each, _EXACT_POWERS, floats) > _EXACT_INTEGERS:
        wide = np.flatnonzero(mantissas > _EXACT_INTEGERS)
        pairs = zip(mantissas[wide].tolist(), of_each[wide].tolist(), strict=True)
        floats[wide] = [mantissa / 10**places for mantissa, places in pairs]  # Python divides exactly, then rounds
    return floats


@compiled
def _divide(mantissas: Int64s, decimals: Int8s, powers: Floats, floats: Floats) -> Int:
    """Divide each as doubles; return the largest mantissa."""
    largest: Int = np.int64(0)
    for i in range(len(mantissas)):
        floats[i] = mantissas[i] / powers[decimals[i]]
        largest = max(largest, mantissas[i])
    return largest
