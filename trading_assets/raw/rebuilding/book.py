"""The order book itself: levels laid over prices, and the best `depth` of each side after every change.

Belongs here: what a step does to the book and what a row shows of it.
Does not: which steps there are and when (sequence), names and dtypes of the published table (rebuild).

Both sides lie in one `Store` over the ranks of a `Ladder`.

A row is written after each update that changed a level, after each snapshot, and for each mark. A mark shows no levels:
while a message is missing the book is not known. A row whose book is not two-sided, or whose best bid is not below its
best ask, is not sound. Where a message carries a checksum that the book does not have, the book is not known either,
until it begins anew.

Where a subscription shows the best `max_levels` of a side only, a level that falls out of them is gone: the venue does
not say so, and never takes it back (Kraken, "How to maintain a valid order book").
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from trading_assets.compiled import Int, compiled, inlined
from trading_assets.raw.messages import Bools, Floats, Int8s, Int64s
from trading_assets.raw.rebuilding.bits import Int32s
from trading_assets.raw.rebuilding.checksum import CHECKED_LEVELS, START, as_printed, finished, with_digits
from trading_assets.raw.rebuilding.steps import LAY, MARK, REPLACE, UPDATE, Steps
from trading_assets.raw.rebuilding.store import Store, clear, empty_store, forget_deeper, move, next_place, put

IN_STEP: Final = 0
UNSOUND: Final = 1
BEHIND: Final = 2
MISMATCH: Final = 3


class Levels(NamedTuple):
    """`m` levels of `n` messages; those of message `i` are rows `offsets[i]` to `offsets[i + 1]`."""

    offsets: Int64s  # [n + 1]
    is_ask: Bools  # [m]
    rank: Int32s  # [m]
    sz: Floats  # [m] in the venue's units; 0 removes the price
    max_levels: Int64s  # [n]
    checksum: Int64s  # [n] or NO_CHECKSUM
    px_places: Int64s  # [n]
    sz_places: Int64s  # [n]


@dataclass(frozen=True, slots=True)
class Rows:
    """`r` rows of the book."""

    step: Int64s  # [r] the step that each follows
    state: Int8s  # [r] IN_STEP, UNSOUND, BEHIND or MISMATCH
    levels: Floats  # [4 * depth, r] bid price, bid size, ask price, ask size of each level; NaN where there is none
    n_beyond_snapshot: int  # rows that show a price deeper than any snapshot reached
    n_checked: int  # messages whose checksum was compared
    n_mismatched: int


class Book:
    """A book that is moved step by step, and shown after each.

    Args:
        depth: levels a side of each row.
    """

    def __init__(self, *, depth: int) -> None:
        self._depth = depth
        self._px: Floats = np.zeros(0)
        self._store = empty_store(0)

    def replay(self, steps: Steps, levels: Levels, px: Floats, *, is_shown: bool) -> Rows:
        """Lay the steps' levels over the book, and show the best `depth` of each side after each.

        Args:
            steps: what to do, in order.
            levels: of all messages that the steps name.
            px: `[p]` the ladder's prices, rising: those of the last call, and perhaps more.
            is_shown: False moves the book and makes no row.
        """
        self._stand_on(px)
        self._store.shown[:] = -1
        n_rows = len(steps.message) if is_shown else 0
        step, state = np.empty(n_rows, np.int64), np.empty(n_rows, np.int8)
        shown = np.empty((n_rows, 4 * self._depth))
        n, *counts = _replay(steps, levels, px, self._store, is_shown, (step, state, shown))
        return Rows(step[:n], state[:n], np.ascontiguousarray(shown[:n].T), *counts)

    def _stand_on(self, px: Floats) -> None:
        """Move the book to a ladder with more prices."""
        if px is self._px:
            return
        old, rank = self._store, np.searchsorted(px, self._px)
        n_old, n = len(self._px), len(px)
        new = empty_store(n)
        new.doubt[:] = old.doubt
        move(old, new, np.concatenate([rank, 2 * n - 1 - rank[::-1]]))
        ends = np.array([n_old, 2 * n_old])
        reached = np.concatenate([rank, 2 * n - 1 - rank[::-1]])
        is_known = old.known < ends
        new.known[is_known] = reached[old.known[is_known]]
        self._px, self._store = px, new


_Sheet = tuple[Int64s, Int8s, Floats]
"""Rows to fill: step, state, levels (`[r, 4 * depth]`: a row in one place)."""


@inlined
def _place(levels: Levels, i: int, last: int) -> Int:
    """Return where a level stands: bids rise from 0, asks fall to the `last` place."""
    return last - levels.rank[i] if levels.is_ask[i] else np.int64(levels.rank[i])


@compiled
def _clear_for(store: Store, levels: Levels, message: Int, kind: Int) -> None:
    """Make room for a snapshot, and remember how deep it reaches."""
    last = len(store.sz) - 1
    for side in range(2):
        reach: Int = (side + 1) * (last + 1) // 2
        for i in range(levels.offsets[message], levels.offsets[message + 1]):
            if np.int64(levels.is_ask[i]) == side:
                reach = min(reach, _place(levels, i, last))
        clear(store, side, np.int64(0) if kind == REPLACE else reach)
        store.known[side] = reach if kind == REPLACE else min(store.known[side], reach)
        store.shown[side] = -1


@inlined
def _lay(store: Store, levels: Levels, message: Int) -> bool:
    """Lay a message's levels over the book; say whether any changed, and unset `shown` where a shown one did."""
    last = len(store.sz) - 1
    is_changed = False
    for i in range(levels.offsets[message], levels.offsets[message + 1]):
        side, place = np.int64(levels.is_ask[i]), _place(levels, i, last)
        if put(store, side, place, levels.sz[i]):
            is_changed = True
            if place >= store.shown[side]:
                store.shown[side] = -1
    return is_changed


@compiled
def _show(store: Store, px: Floats, shown: Floats, row: int, side: int) -> None:
    """Write one side's best levels into a row."""
    last, place = len(store.sz) - 1, store.best[side]
    is_short = False
    store.deepest[side] = last + 1
    for level in range(shown.shape[1] // 4):
        column = 4 * level + 2 * side
        if place < 0:
            shown[row, column], shown[row, column + 1], is_short = np.nan, np.nan, True
        else:
            shown[row, column] = px[last - place if side else place]
            shown[row, column + 1] = store.sz[place]
            store.deepest[side] = place
            place = next_place(store, side, place - 1)
    store.shown[side] = -1 if is_short else store.deepest[side]


@compiled
def _repeat(shown: Floats, row: int, side: int) -> None:
    """Copy one side's levels from the row before."""
    for level in range(shown.shape[1] // 4):
        column = 4 * level + 2 * side
        shown[row, column] = shown[row - 1, column]
        shown[row, column + 1] = shown[row - 1, column + 1]


@compiled
def _write(store: Store, px: Floats, shown: Floats, row: int) -> bool:
    """Write the book into a row; say whether it shows a price deeper than any snapshot reached."""
    for side in range(2):
        if store.shown[side] < 0:
            _show(store, px, shown, row, side)
        else:
            _repeat(shown, row, side)
    return bool(store.deepest[0] < store.known[0] or store.deepest[1] < store.known[1])


@compiled
def _write_nothing(store: Store, shown: Floats, row: int) -> None:
    """Write a row without levels."""
    for column in range(shown.shape[1]):
        shown[row, column] = np.nan
    store.shown[:] = -1


@compiled
def _checksum(store: Store, px: Floats, px_places: Int, sz_places: Int) -> Int:
    crc: Int = np.int64(START)
    last = len(store.sz) - 1
    for side in (1, 0):
        place, n = store.best[side], 0
        while place >= 0 and n < CHECKED_LEVELS:
            crc = with_digits(crc, as_printed(px[last - place if side else place], px_places))
            crc = with_digits(crc, as_printed(store.sz[place], sz_places))
            place, n = next_place(store, side, place - 1), n + 1
    return finished(crc)


@compiled
def _state(store: Store, kind: Int) -> int:
    """Say what is known of the book after a step."""
    if kind == MARK:
        return BEHIND
    if store.doubt[0]:
        return MISMATCH
    bid, ask = store.best[0], store.best[1]
    is_sound = bid >= 0 and ask >= 0 and bid < len(store.sz) - 1 - ask
    return IN_STEP if is_sound else UNSOUND


@compiled
def _replay(
    steps: Steps,
    levels: Levels,
    px: Floats,
    store: Store,
    is_shown: bool,  # noqa: FBT001 - compiled code takes no keywords
    rows: _Sheet,
) -> tuple[int, int, int, int]:
    """Take the steps one by one; count rows, those that reach beyond the snapshots, checksums and those that differ."""
    row_step, row_state, shown = rows
    row, n_beyond, n_checked, n_mismatched = 0, 0, 0, 0
    for s in range(len(steps.message)):
        kind, message = steps.kind[s], steps.message[s]
        if kind in (LAY, REPLACE):
            _clear_for(store, levels, message, kind)
        is_changed = kind != MARK and _lay(store, levels, message)
        if kind != MARK and levels.max_levels[message] > 0:
            forget_deeper(store, levels.max_levels[message])
        if kind == REPLACE:
            store.doubt[0] = False
        if kind != MARK and levels.checksum[message] >= 0:
            found = _checksum(store, px, levels.px_places[message], levels.sz_places[message])
            n_checked += 1
            if found != levels.checksum[message]:
                n_mismatched += 1
                store.doubt[0] = is_changed = True
        if not is_shown or (kind == UPDATE and not is_changed):
            continue
        row_step[row], row_state[row] = s, _state(store, kind)
        if row_state[row] in (BEHIND, MISMATCH):
            _write_nothing(store, shown, row)
        else:
            n_beyond += _write(store, px, shown, row)
        row += 1
    return row, n_beyond, n_checked, n_mismatched
