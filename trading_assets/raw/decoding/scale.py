"""Tick and lot sizes, and the numbers that are not a whole multiple of one.

Belongs here: exact decimals. Does not: whose numbers they are (batch).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

import numpy as np

from trading_assets.errors import InvalidSettings
from trading_assets.raw.messages import Bools, Int8s, Int64s
from trading_assets.venues.wire import INT64_MAX, MAX_DECIMALS

_POWERS: Final[Int64s] = 10 ** np.arange(MAX_DECIMALS + 1, dtype=np.int64)
_LIMITS: Final[Int64s] = INT64_MAX // _POWERS


@dataclass(frozen=True, slots=True)
class Step:
    """A tick or lot: `units * 10 ** -decimals`."""

    units: int
    decimals: int

    @classmethod
    def of(cls, size: Decimal) -> Self:
        """Read a tick or lot size such as 0.5, 0.05 or 10.

        Raises:
            InvalidSettings: not positive, or finer than a venue prints.
        """
        exponent = size.normalize().as_tuple().exponent
        if (
            not isinstance(exponent, int)
            or size <= 0
            or exponent < -MAX_DECIMALS
            or size > INT64_MAX // 10**MAX_DECIMALS
        ):
            raise InvalidSettings(f"{size} is no tick or lot size: write a positive number of at most 12 decimals")
        decimals = max(0, -exponent)
        return cls(int(size.scaleb(decimals)), decimals)


def off_step(mantissas: Int64s, decimals: Int8s, step: Step) -> Bools:
    """Mark numbers that are not a whole multiple of `step`; one too large to tell is not marked."""
    too_fine = decimals > step.decimals
    shift = np.where(too_fine, 0, step.decimals - decimals)
    fits = mantissas <= _LIMITS[shift]
    marked: Bools = too_fine | (fits & (np.where(fits, mantissas, 0) * _POWERS[shift] % step.units != 0))
    return marked
