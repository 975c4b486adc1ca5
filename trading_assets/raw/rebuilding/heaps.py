"""Messages that wait, as heaps in compiled code: how many at most, and how they are kept between calls.

Belongs here: bounds and conversion. Does not: who waits, and for what (follower).
"""

from heapq import heappop
from typing import Final

import numpy as np

from trading_assets.compiled import allocating
from trading_assets.raw.messages import Int64s

MAX_WAITING: Final = 16_384

Heap = list[tuple[np.int64, np.int64]]
"""Pairs of what they are ordered by and the message's index, the least first."""


@allocating
def bound(waiting: Heap, early: Heap) -> None:
    """Give up what waited longest."""
    if len(waiting) > MAX_WAITING:
        heappop(waiting)
    if len(early) > 2 * MAX_WAITING:
        early.sort()  # a sorted list is a heap
        while len(early) > MAX_WAITING:
            early.pop()


@allocating
def heap_of(pairs: Int64s) -> Heap:
    """Turn an array `[n, 2]` that `pairs_of` made into a heap."""
    heap = [(np.int64(0), np.int64(0))]
    heap.pop()
    for i in range(len(pairs)):
        heap.append((pairs[i, 0], pairs[i, 1]))  # noqa: PERF401 - compiled
    return heap


@allocating
def pairs_of(heap: Heap) -> Int64s:
    """Turn a heap into an array `[n, 2]`, which outlives compiled code."""
    pairs = np.empty((len(heap), 2), np.int64)
    for i in range(len(heap)):
        pairs[i, 0], pairs[i, 1] = heap[i]
    return pairs
