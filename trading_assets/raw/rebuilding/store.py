"""Both sides of a book as one dense array over places, compiled: what is where, and which place is best.

Belongs here: setting and clearing places. Does not: which messages do so and what is shown (book).

Bids lie from place 0, asks mirrored (highest price first) from the middle. So on both sides the best price is the
highest place, and one piece of code serves both.
"""

from typing import NamedTuple

import numpy as np

from trading_assets.compiled import Int, compiled, inlined
from trading_assets.raw.messages import Bools, Floats, Int64s
from trading_assets.raw.rebuilding.bits import Words, add, at_or_above, at_or_below, discard, n_words


class Store(NamedTuple):
    """A book of `2 * r` places, `r` on each side; index 0 of a pair is the bids'."""

    sz: Floats  # [2 * r] size at each place
    words: Words  # [w] which places are not empty
    groups: Words  # [g] which words are not
    best: Int64s  # [2] highest place, -1 while the side is empty
    known: Int64s  # [2] lowest place that a snapshot reached
    shown: Int64s  # [2] lowest place that the row before shows; -1 where the next row must be written anew
    deepest: Int64s  # [2] lowest place that the row before shows
    n_levels: Int64s  # [2] places that are not empty
    doubt: Bools  # [1] a checksum did not match since the book began


def empty_store(places: int) -> Store:
    """Make a book without levels, of so many places a side."""
    words = n_words(2 * places)
    return Store(
        np.zeros(2 * places),
        np.zeros(words, np.uint64),
        np.zeros(n_words(words), np.uint64),
        np.full(2, -1, np.int64),
        np.array([places, 2 * places]),
        np.full(2, -1, np.int64),
        np.array([places, 2 * places]),
        np.zeros(2, np.int64),
        np.zeros(1, np.bool_),
    )


@compiled
def move(old: Store, new: Store, place: Int64s) -> None:
    """Put what lies in one store to its places in another."""
    half = len(old.sz) // 2
    for i in range(len(old.sz)):
        if old.sz[i] > 0:
            put(new, 1 if i >= half else 0, place[i], old.sz[i])


@inlined
def next_place(store: Store, side: Int, place: Int) -> Int:
    """Return the highest place of a side that is not empty and at most `place`, or -1."""
    found = at_or_below(store.words, store.groups, place)
    return found if found >= side * (len(store.sz) // 2) else -1


@inlined
def put(store: Store, side: Int, place: Int, size: float) -> bool:
    """Set the size at a place; say whether it was another."""
    before = store.sz[place]
    if before == size:
        return False
    store.sz[place] = size
    if size > 0:
        if before == 0:
            add(store.words, store.groups, place)
            store.best[side] = max(store.best[side], place)
            store.n_levels[side] += 1
    else:
        discard(store.words, store.groups, place)
        store.n_levels[side] -= 1
        if store.best[side] == place:
            store.best[side] = next_place(store, side, place)
    return True


@compiled
def clear(store: Store, side: Int, lowest: Int) -> None:
    """Empty a side from its best price down to `lowest`."""
    while store.best[side] >= lowest:
        put(store, side, store.best[side], 0.0)


@inlined
def forget_deeper(store: Store, max_levels: Int) -> None:
    """Take out what lies deeper than the levels that the subscription shows."""
    for side in range(2):
        place: Int = np.int64(side * (len(store.sz) // 2))
        while store.n_levels[side] > max_levels:
            place = at_or_above(store.words, store.groups, place)
            if place >= store.shown[side]:
                store.shown[side] = -1
            put(store, side, place, 0.0)
