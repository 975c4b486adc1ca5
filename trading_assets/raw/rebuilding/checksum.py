"""A checksum over the top of the book, as Kraken makes it.

Belongs here: the digits and their CRC32, compiled. Does not: when it is compared (book).

Source: Kraken, "Book checksum (websockets v1)": of the ten best asks, lowest first, then of the ten best bids, highest
first, the price and then the size as printed, without the point and without leading zeros; CRC32 of all of it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.compiled import Int, compiled, inlined

CHECKED_LEVELS: Final = 10

_POLYNOMIAL: Final = 0xEDB88320
_MASK: Final = 0xFFFFFFFF


def _table() -> NDArray[np.int64]:
    values = np.arange(256, dtype=np.int64)
    for _ in range(8):
        values = np.where(values & 1, _POLYNOMIAL ^ (values >> 1), values >> 1)
    return values


_TABLE: Final = _table()
START: Final = _MASK
"""What the digits of the first number are added to."""


@inlined
def as_printed(value: float, places: Int) -> Int:
    """Return the digits of a price or size that is printed with so many decimals, as one number."""
    return np.int64(np.rint(value * 10.0**places))


@compiled
def with_digits(crc: Int, number: Int) -> Int:
    """Add the decimal digits of a positive number; of 0 there are none."""
    power = np.int64(1)
    while power <= number // 10:
        power *= 10
    while power > 0 and number > 0:
        digit = 48 + (number // power) % 10
        crc = _TABLE[(crc ^ digit) & 0xFF] ^ (crc >> 8)
        power //= 10
    return crc


@inlined
def finished(crc: Int) -> Int:
    """Return the checksum of all digits that were added."""
    return crc ^ _MASK
