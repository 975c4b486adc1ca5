"""The ladder of prices that the book stands on: every price seen so far, as a rank among them.

Belongs here: from prices to ranks, so that the book is dense arrays over prices that occur, and not over a range.
Does not: sizes, sides, time.

A book indexed by tick would let one hostile price (9e10 at a tick of 1e-8) ask for more memory than there is.
Ranks grow with the number of different prices instead. Where the range is moderate they come from a bitmap and the
count of bits below (no sorting); else from sorting. A price that was not seen before moves the ranks of those above it.
"""

from typing import Final

import numpy as np

from trading_assets.compiled import Int, allocating, compiled, inlined
from trading_assets.raw.messages import Floats, Int64s
from trading_assets.raw.rebuilding.bits import Int32s, Words, n_words, popcount, trailing_zeros
from trading_assets.raw.units import in_units

_DENSE_SPAN: Final = 2**28
"""Ticks between the lowest and the highest price up to which the bitmap (32 MiB, and as much of counts) is taken."""
_SAFE_TICKS: Final = 2**52
"""Up to here a price times its power of ten is within half a tick of a whole number."""
_ROOM: Final = 2**12
"""Ticks of room that are made on both sides of the range."""
_ONE: Final = np.uint64(1)
_LOW: Final = np.uint64(63)


class Ladder:
    """All prices seen so far, rising, in the venue's units: `px`, `[r]`; replaced by a new array when it grows."""

    def __init__(self) -> None:
        self.px: Floats = np.zeros(0)
        self._is_dense = True
        self._decimals = 0
        self._low = 0  # tick of the bitmap's first bit
        self._bitmap: Words = np.zeros(0, np.uint64)
        self._below: Int32s = np.zeros(0, np.int32)

    def ranks(self, px: Floats, decimals: int) -> Int32s:
        """Return the rank of each price, `[m]`, after adding those that are new.

        Args:
            px: `[m]` prices.
            decimals: a number of decimals that holds all of them.
        """
        if not len(px):
            return np.zeros(0, np.int32)
        if self._is_dense and self._has_room(px, decimals):
            a_unit = 10.0**self._decimals
            if _mark(px, a_unit, self._low, self._bitmap):
                self._renumber()
            ranks = np.empty(len(px), np.int32)
            _rank(px, a_unit, self._low, self._bitmap, self._below, ranks)
            return ranks
        self._is_dense = False
        known = np.unique(np.concatenate([self.px, px]))
        self.px = self.px if len(known) == len(self.px) else known
        return np.searchsorted(self.px, px).astype(np.int32)

    def _has_room(self, px: Floats, decimals: int) -> bool:
        """Make the bitmap wide and fine enough; False if it would be too large."""
        decimals = max(decimals, self._decimals)
        low, high = float(px.min()), float(px.max())
        if len(self.px):
            low, high = min(low, float(self.px[0])), max(high, float(self.px[-1]))
        if high * 10.0**decimals > _SAFE_TICKS or (high - low) * 10.0**decimals > _DENSE_SPAN:
            return False
        first, last = round(low * 10**decimals), round(high * 10**decimals)
        is_inside = self._low <= first and last < self._low + 64 * len(self._bitmap)
        if decimals > self._decimals or not is_inside:
            self._lay_out(decimals, first, last)
        return True

    def _lay_out(self, decimals: int, first: int, last: int) -> None:
        room = max(_ROOM, last - first)
        self._decimals, self._low = decimals, first - room
        self._bitmap = np.zeros(n_words(last - first + 2 * room), np.uint64)
        self._below = np.zeros(len(self._bitmap), np.int32)
        _mark(self.px, 10.0**decimals, self._low, self._bitmap)
        _count_below(self._bitmap, self._below)

    def _renumber(self) -> None:
        _count_below(self._bitmap, self._below)
        self.px = in_units(_set_bits(self._bitmap, self._low), self._decimals)


@inlined
def _place(px: float, a_unit: float, low: int) -> Int:
    """Return the bit of a price; `a_unit` is how many ticks make one."""
    return np.int64(np.rint(px * a_unit)) - low


@compiled
def _mark(px: Floats, a_unit: float, low: int, bitmap: Words) -> bool:
    """Set the bits of all prices; say whether any was not set."""
    is_new = False
    for i in range(len(px)):
        place = _place(px[i], a_unit, low)
        bit = _ONE << (np.uint64(place) & _LOW)
        if bitmap[place >> 6] & bit == 0:
            bitmap[place >> 6] |= bit
            is_new = True
    return is_new


@compiled
def _count_below(bitmap: Words, below: Int32s) -> None:
    """Count the bits below each word."""
    total = 0
    for word in range(len(bitmap)):
        below[word] = total
        total += popcount(bitmap[word])


@allocating
def _set_bits(bitmap: Words, low: int) -> Int64s:
    """List the ticks that are set, rising; words without any, the most by far, cost a comparison."""
    n = 0
    for word in bitmap:
        n += popcount(word)
    ticks = np.empty(n, np.int64)
    n = 0
    for place in range(len(bitmap)):
        word = bitmap[place]
        while word:
            ticks[n] = low + 64 * place + trailing_zeros(word)
            word &= word - _ONE
            n += 1
    return ticks


@compiled
def _rank(px: Floats, a_unit: float, low: int, bitmap: Words, below: Int32s, ranks: Int32s) -> None:
    """Fill in the rank of each price: the bits below its own."""
    for i in range(len(px)):
        place = _place(px[i], a_unit, low)
        lower = bitmap[place >> 6] & ((_ONE << (np.uint64(place) & _LOW)) - _ONE)
        ranks[i] = below[place >> 6] + popcount(lower)
