"""Numbers and flags as a venue prints them, read from bytes by compiled code.

Belongs here: one value from where it begins. Does not: which value stands where (template, scan).
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it ships no types
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from trading_assets.compiled import Int, compiled, inlined
from trading_assets.venues.wire import MAX_DECIMALS, MAX_DIGITS, MAX_NUMBER_CHARS

Bytes = NDArray[np.uint8]

UNSURE: Final = -1
"""Where a text ends that is not what was looked for."""
_SAFE_DIGITS: Final = 19
"""What does not fit of a number of so many digits is negative: it is less than 2**64."""
_WORD_BYTES: Final = 8
_HIGH, _ZEROS, _SIXES, _DIGITS = (np.uint64(0x0101010101010101 * byte) for byte in (0xF0, 0x30, 0x06, 0x0F))
_EACH_SECOND, _HALVES = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_PAIRS, _FOURS, _EIGHT = np.uint64(10 * 2**8 + 1), np.uint64(100 * 2**16 + 1), np.uint64(10_000 * 2**32 + 1)
_ZERO, _NINE, _DOT, _T = b"09.t"
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)


@intrinsic  # type: ignore[untyped-decorator]  # numba ships no types
def _word(_typing: Any, data: Any, _at: Any) -> Any:  # noqa: ANN401 - numba hands over objects of its own compiler
    """Load eight bytes of an array as a uint64, the first lowest."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


@inlined
def _eight_digits(word: np.uint64) -> Int:
    """Return the value of eight digits, or -1: pairs are added up, then pairs of pairs, then both halves."""
    if (word & _HIGH) != _ZEROS or ((word + _SIXES) & _HIGH) != _ZEROS:
        return np.int64(-1)
    word = ((word & _DIGITS) * _PAIRS) >> np.uint64(8)
    word = ((word & _EACH_SECOND) * _FOURS) >> np.uint64(16)
    return np.int64(((word & _HALVES) * _EIGHT) >> np.uint64(32))


@compiled
def integer(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read a JSON integer without sign; return where it ends and its value, or `UNSURE`."""
    start, value = here, np.int64(0)
    while here + _WORD_BYTES <= data.size:
        digits = _eight_digits(_word(data, here))
        if digits < 0:
            break
        value = value * 100_000_000 + digits
        here += _WORD_BYTES
    while _ZERO <= data[here] <= _NINE:
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or here > start + _SAFE_DIGITS or (data[start] == _ZERO and here > start + 1) or value < 0:
        return UNSURE, np.int64(0)
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
