"""Numbers and flags as a venue prints them, read from bytes by compiled code.

Belongs here: one value from where it begins. Does not: which value stands where (template, scan).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.raw.compiled import Int, compiled
from trading_assets.venues.wire import INT64_MAX, MAX_DECIMALS, MAX_DIGITS, MAX_NUMBER_CHARS

Bytes = NDArray[np.uint8]

UNSURE: Final = -1
"""Where a text ends that is not what was looked for."""
_LAST_SAFE: Final = INT64_MAX // 10 - 1
"""A number up to here takes one more digit without overflow."""
_ZERO, _NINE, _DOT, _T = b"09.t"
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)


@compiled
def integer(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read a JSON integer without sign; return where it ends and its value, or `UNSURE`."""
    start, value = here, 0
    while _ZERO <= data[here] <= _NINE:
        if value > _LAST_SAFE:
            return UNSURE, 0
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or (data[start] == _ZERO and here > start + 1):
        return UNSURE, 0
    return here, value


@compiled
def flag(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read `true` as 1 and `false` as 0; return where it ends and the value, or `UNSURE`."""
    word = _TRUE if data[here] == _T else _FALSE
    for byte in word:
        if data[here] != byte:
            return UNSURE, 0
        here += 1
    return here, 1 if word.size == _TRUE.size else 0


@compiled
def number(data: Bytes, here: Int) -> tuple[Int, Int, Int]:
    """Read a decimal; return where it ends, mantissa and decimals without trailing zeros, or `UNSURE` and 0, 0."""
    start, value = here, np.int64(0)
    while _ZERO <= data[here] <= _NINE:
        if here - start == MAX_DIGITS:
            return UNSURE, 0, 0
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or (data[start] == _ZERO and here > start + 1):
        return UNSURE, 0, 0
    if data[here] != _DOT:
        return here, value, 0
    point, mantissa = here, value
    places: Int = 0
    here += 1
    while _ZERO <= data[here] <= _NINE:
        if here - start <= MAX_DIGITS:
            value = value * 10 + (data[here] - _ZERO)
        if data[here] != _ZERO:
            mantissa, places = value, here - point
        here += 1
    if (
        here == point + 1
        or places > MAX_DECIMALS
        or point + places > start + MAX_DIGITS
        or here - start > MAX_NUMBER_CHARS
    ):
        return UNSURE, 0, 0
    return here, mantissa, places
