"""From exact ticks and lots to floats in the venue's units.

Belongs here: the one division that turns integers into published prices and sizes.
Does not: which integers (decode), nor what they mean.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.raw.messages import Int64s

Floats = NDArray[np.float64]

_EXACT_INTEGERS: Final = 2**53
_EXACT_POWERS: Final = 22
"""Below these, both sides of the division are exact doubles, so that IEEE division rounds once."""


def in_units(ticks: Int64s, decimals: int) -> Floats:
    """Return `ticks / 10**decimals`, correctly rounded: equal decimals give equal floats at any scale.

    Args:
        ticks: `[n]` whole ticks or lots.
        decimals: how many of their digits stand after the point.

    Returns:
        `[n]` the nearest double to each exact quotient.
    """
    wide = np.abs(ticks) > _EXACT_INTEGERS if decimals <= _EXACT_POWERS else np.ones(len(ticks), dtype=np.bool_)
    floats: Floats = ticks / 10.0**decimals
    if wide.any():
        unit = 10**decimals
        floats[wide] = [tick / unit for tick in ticks[wide].tolist()]  # Python divides integers exactly, then rounds
    return floats
