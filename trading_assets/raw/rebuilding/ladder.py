"""The ladder of prices that one pass over the messages can ever stand on.

Belongs here: from prices to ranks, so that the book is dense arrays over prices that occur, and not over a range.
Does not: sizes, sides, time.

A book indexed by tick would let one hostile price (9e10 at a tick of 1e-8) ask for more memory than there is.
Ranks grow with the number of different prices instead. Where the range is moderate they come from a bitmap and the
count of bits below (two passes, no sorting); else from sorting.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.raw.compiled import compiled
from trading_assets.raw.messages import Int64s, Messages
from trading_assets.raw.rebuilding.bits import Words, n_words, popcount
from trading_assets.raw.rebuilding.units import Floats, in_units

Int32s = NDArray[np.int32]

_DENSE_SPAN: Final = 2**28
"""Ticks between the lowest and the highest price up to which the bitmap (32 MiB, and as much of counts) is taken."""
_SAFE_TICKS: Final = 2**62
_ONE: Final = np.uint64(1)
_LOW: Final = np.uint64(63)


class Ladder(NamedTuple):
    """`m` levels of all messages as ranks, and the `r` different prices they rank among, rising."""

    rank: Int32s  # [m]
    px: Floats  # [r] in the venue's units


def ladder(captures: Sequence[Messages]) -> Ladder:
    """Rank the prices of all levels of the captures, one after the other.

    Equal prices have one rank, whatever the number of decimals that each capture counts its ticks in.
    """
    ticks = _one_scale(captures)
    if ticks is not None and not len(ticks):
        return Ladder(np.empty(0, np.int32), np.empty(0, np.float64))
    if ticks is not None and int(ticks.max()) - int(ticks.min()) < _DENSE_SPAN:
        rank = np.empty(len(ticks), np.int32)
        low, words = int(ticks.min()), n_words(int(ticks.max()) - int(ticks.min()) + 1)
        bitmap, below = np.zeros(words, np.uint64), np.empty(words, np.int32)
        _rank(ticks, low, bitmap, below, rank)
        present = np.flatnonzero(np.unpackbits(bitmap.view(np.uint8), bitorder="little"))
        return Ladder(rank, in_units(present + low, max(c.px_decimals for c in captures)))
    floats = np.concatenate([in_units(c.book.px, c.px_decimals) for c in captures])
    px, inverse = np.unique(floats, return_inverse=True)
    return Ladder(inverse.astype(np.int32), px)


def _one_scale(captures: Sequence[Messages]) -> Int64s | None:
    """Return all prices in the finest tick of the captures, or None where one would overflow."""
    decimals = max(capture.px_decimals for capture in captures)
    factors = [10 ** (decimals - capture.px_decimals) for capture in captures]
    largest = [int(np.abs(capture.book.px).max(initial=0)) for capture in captures]
    if any(px * factor > _SAFE_TICKS for px, factor in zip(largest, factors, strict=True)):
        return None
    scaled = [c.book.px if f == 1 else c.book.px * np.int64(f) for c, f in zip(captures, factors, strict=True)]
    return scaled[0] if len(scaled) == 1 else np.concatenate(scaled)


@compiled
def _rank(ticks: Int64s, low: int, bitmap: Words, below: Int32s, rank: Int32s) -> None:
    for tick in ticks:
        place = tick - low
        bitmap[place >> 6] |= _ONE << (np.uint64(place) & _LOW)
    total = 0
    for word in range(len(bitmap)):
        below[word] = total
        total += popcount(bitmap[word])
    for i in range(len(ticks)):
        place = ticks[i] - low
        lower = bitmap[place >> 6] & ((_ONE << (np.uint64(place) & _LOW)) - _ONE)
        rank[i] = below[place >> 6] + popcount(lower)
