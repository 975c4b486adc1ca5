"""An ordered set of small integers as bits, for compiled code: who is in it, and who is next below.

Belongs here: the machine instructions that numba does not spell, and the two-level bitmap made from them.
Does not: what the integers stand for.

A set over `[0, n)` is a pair of uint64 arrays: `words` has a bit a member, `groups` a bit a non-empty word. A step
to the next member therefore skips 4096 empty places at once, which keeps hostile books (two members, a million
places apart) as cheap as real ones.
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it ships no types
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from trading_assets.compiled import Int, compiled

Words = NDArray[np.uint64]
Int32s = NDArray[np.int32]

_ONE: Final = np.uint64(1)
_ALL: Final = np.uint64(2**64 - 1)
_LOW: Final = np.uint64(63)


def n_words(n: int) -> int:
    """Return how many words hold `n` bits (at least one)."""
    return n // 64 + 1


@intrinsic  # type: ignore[untyped-decorator]  # numba ships no types
def popcount(_typing: Any, _word: Any) -> Any:  # noqa: ANN401 - numba hands over objects of its own compiler
    """Count the bits of a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]  # numba ships no types
def leading_zeros(_typing: Any, _word: Any) -> Any:  # noqa: ANN401 - numba hands over objects of its own compiler
    """Count the zero bits above the highest set one of a uint64; 64 where none is set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]  # numba ships no types
def trailing_zeros(_typing: Any, _word: Any) -> Any:  # noqa: ANN401 - numba hands over objects of its own compiler
    """Count the zero bits below the lowest set one of a uint64; 64 where none is set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@compiled
def add(words: Words, groups: Words, member: Int) -> None:
    """Put a member into the set."""
    word = member >> 6
    words[word] |= _ONE << (np.uint64(member) & _LOW)
    groups[word >> 6] |= _ONE << (np.uint64(word) & _LOW)


@compiled
def discard(words: Words, groups: Words, member: Int) -> None:
    """Take a member out of the set."""
    word = member >> 6
    words[word] &= ~(_ONE << (np.uint64(member) & _LOW))
    if words[word] == 0:
        groups[word >> 6] &= ~(_ONE << (np.uint64(word) & _LOW))


@compiled
def at_or_below(words: Words, groups: Words, place: Int) -> int:
    """Return the highest member that is at most `place`, or -1."""
    if place < 0:
        return -1
    word = place >> 6
    bits = words[word] & (_ALL >> (_LOW - (np.uint64(place) & _LOW)))
    if bits == 0:
        group = word >> 6
        full = groups[group] & ((_ONE << (np.uint64(word) & _LOW)) - _ONE)
        while full == 0:
            group -= 1
            if group < 0:
                return -1
            full = groups[group]
        word = (group << 6) + 63 - leading_zeros(full)
        bits = words[word]
    below: int = (word << 6) + 63 - leading_zeros(bits)
    return below


@compiled
def at_or_above(words: Words, groups: Words, place: Int) -> int:
    """Return the lowest member that is at least `place`, or -1."""
    word = place >> 6
    bits = words[word] & (_ALL << (np.uint64(place) & _LOW))
    if bits == 0:
        group = word >> 6
        rest = np.uint64(word) & _LOW
        full = groups[group] & (_ALL << rest) & ~(_ONE << rest)
        while full == 0:
            group += 1
            if group == len(groups):
                return -1
            full = groups[group]
        word = (group << 6) + trailing_zeros(full)
        bits = words[word]
    above: int = (word << 6) + trailing_zeros(bits)
    return above
