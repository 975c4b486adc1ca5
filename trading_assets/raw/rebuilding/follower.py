"""When each depth message may be applied: the venue's synchronisation rule, followed as a live reader would.

Belongs here: compiled loops over arrivals: what joins up, what waits for a missing one, and what was lost.
Does not: who numbers the messages and keeps them between windows (sequence), the ledger's words (gaps).

An update covers the ids `(prev, last]`. A book at id `b` continues with an update of `prev == b`; just after a snapshot
with one of `prev <= b < last`, which is Binance's rule for the first update (spot: `U <= L + 1 <= u`; futures:
`U <= L <= u`, where we also accept an `L` in the empty ids between `pu` and `U`). Spot accepts such an overlap at any
time (documentation of the spot stream: only `U > b + 1` is a break); futures do not.

- An update whose predecessor is missing waits. It is a *mark* at once: the book is then known to be behind. When the
  predecessor arrives late, both are applied, at that time. So many wait (heaps), then the oldest is given up.
- What comes late moves the book and does not heal it while more is missing: it stays behind for as long as an update
  waits that the venue did not send before the last one applied. One that waits though the venue has since sent what
  joins up (an absurd id) holds nothing up.
- A snapshot that was asked for beside the stream and that no update led to is kept in hand. It is laid into the book
  when the stream reaches its id, and taken in place of the book when the stream turns out to be broken before it.
- Such a snapshot behind the book tells nothing new, and an update behind the book is stale: neither is used.
- A snapshot that the venue sends in the stream begins the book anew; what waited is of the past.

Each decision uses only what had arrived, so cutting a recording short never changes what came before the cut.
"""

from heapq import heappop, heappush
from typing import Final, NamedTuple

import numpy as np

from trading_assets.compiled import Int, allocating, compiled
from trading_assets.raw.messages import Bools, Int8s, Int64s
from trading_assets.raw.rebuilding.heaps import Heap, bound, heap_of, pairs_of
from trading_assets.raw.rebuilding.steps import (
    APPLIED,
    BEFORE_SNAPSHOT,
    LAY,
    MARK,
    NO_SNAPSHOT,
    NOWHERE,
    OUT_OF_SEQUENCE,
    REPLACE,
    RESYNC,
    SEQUENCE_GAP,
    STALE,
    UNUSED_SNAPSHOT,
    UPDATE,
)


class Feed(NamedTuple):
    """Messages as they arrived, without repeats; the first `n_before` arrived before this window."""

    ts: Int64s  # never falling
    event: Int64s
    is_snapshot: Bools
    prev: Int64s
    first: Int64s
    last: Int64s
    may_overlap: bool
    is_snapshot_in_stream: bool
    n_before: int


Sheet = tuple[Int64s, Int8s, Int64s, Int8s]
"""Columns to fill: message, kind and cause of each step; fate of each arrival."""

# The state of the reader is an int64 array, so that one compiled function can hand it to the next.
_AT: Final = 0  # id the book stands at
_IS_FRESH: Final = 1  # it stands on a snapshot
IN_HAND: Final = 2  # arrival of the snapshot kept in hand, or -1
LATEST: Final = 3  # arrival of the latest update that was not stale, or -1
N_STEPS: Final = 4
_REPLACED_BY: Final = 5  # arrival of the snapshot that this arrival made the book anew from, or -1
_GOOD_TS: Final = 6  # when the book was last moved in sequence
N_BREAKS: Final = 7
IS_OPEN: Final = 8  # the last break has not ended
AWAITS: Final = 9  # arrival of an update that the book is behind of, or -1
_AT_EVENT: Final = 10  # when the venue sent the last update that was applied
START: Final = (NOWHERE, 0, -1, -1, 0, -1, NOWHERE, 0, 0, -1, NOWHERE)


@compiled
def _step(state: Int64s, sheet: Sheet, kind: Int, message: Int, arrival: int) -> None:
    messages, kinds, causes, _ = sheet
    n = state[N_STEPS]
    messages[n], kinds[n], causes[n] = message, kind, arrival
    state[N_STEPS] = n + 1


@compiled
def _take_snapshot(feed: Feed, state: Int64s, sheet: Sheet, kind: int, message: Int, arrival: int) -> None:
    _step(state, sheet, kind, message, arrival)
    sheet[3][message] = APPLIED
    state[_AT], state[_IS_FRESH], state[IN_HAND] = feed.last[message], 1, -1
    if kind == REPLACE:
        state[_REPLACED_BY] = message


@allocating
def _advance(feed: Feed, state: Int64s, waiting: Heap, sheet: Sheet, arrival: int) -> None:
    """Apply what waits for as long as it joins up."""
    while len(waiting) > 0:
        prev, message = waiting[0]
        at, in_hand = state[_AT], state[IN_HAND]
        if prev > at:
            if in_hand < 0:
                return
            _take_snapshot(feed, state, sheet, REPLACE, in_hand, arrival)
            continue
        last = feed.last[message]
        joins = last > at and (prev == at or feed.may_overlap or state[_IS_FRESH] == 1)
        if joins and in_hand >= 0 and feed.last[in_hand] < last:
            _take_snapshot(feed, state, sheet, LAY, in_hand, arrival)
            continue
        heappop(waiting)
        if joins:
            _step(state, sheet, UPDATE, message, arrival)
            sheet[3][message] = APPLIED
            state[_AT], state[_IS_FRESH], state[_AT_EVENT] = last, 0, feed.event[message]
            if in_hand >= 0 and feed.last[in_hand] == last:
                _take_snapshot(feed, state, sheet, LAY, in_hand, arrival)


@compiled
def _waits(feed: Feed, state: Int64s, fate: Int8s) -> bool:
    """Say whether the latest update still waits."""
    latest = state[LATEST]
    return bool(latest >= 0 and fate[latest] != APPLIED and feed.last[latest] > state[_AT])


@allocating
def _awaited(feed: Feed, state: Int64s, fate: Int8s, early: Heap) -> Int:
    """Return an update that the book is behind of, or -1: the latest, else the early one that the venue sent last."""
    if _waits(feed, state, fate):
        return np.int64(state[LATEST])
    while len(early) > 0 and feed.last[early[0][1]] <= state[_AT]:
        heappop(early)
    return early[0][1] if len(early) > 0 and -early[0][0] >= state[_AT_EVENT] else np.int64(-1)


@compiled
def _snapshot_arrives(feed: Feed, state: Int64s, sheet: Sheet, arrival: int) -> None:
    """Use a snapshot that was asked for beside the stream."""
    at, last, in_hand = state[_AT], feed.last[arrival], state[IN_HAND]
    is_behind = state[AWAITS] >= 0
    if at == NOWHERE or (is_behind and last > at):
        _take_snapshot(feed, state, sheet, REPLACE, arrival, arrival)
    elif last == at and not is_behind:
        _take_snapshot(feed, state, sheet, LAY, arrival, arrival)
        state[IN_HAND] = in_hand
    elif last > at and (in_hand < 0 or last > feed.last[in_hand]):
        state[IN_HAND] = arrival


@compiled
def _begin_anew(feed: Feed, state: Int64s, sheet: Sheet, arrival: int) -> None:
    """Use a snapshot of the stream itself. One that follows another only says the next book: nothing was broken."""
    is_next_book = state[_IS_FRESH] == 1 and state[IS_OPEN] == 0
    state[LATEST], state[_AT_EVENT] = -1, NOWHERE
    _take_snapshot(feed, state, sheet, REPLACE, arrival, arrival)
    if is_next_book:
        state[_REPLACED_BY] = -1


@compiled
def _keep_ledger(feed: Feed, state: Int64s, breaks: Int64s, arrival: int, at: Int) -> None:
    """Open a break that this arrival revealed, close one that it healed; `at` is the id before it."""
    causes, starts, knowns, ends, befores, afters = breaks
    is_behind = state[AWAITS] >= 0
    now, n = feed.ts[arrival], state[N_BREAKS]
    is_resync = at != NOWHERE and not is_behind and state[_REPLACED_BY] >= 0
    if state[IS_OPEN] == 0 and (is_behind or is_resync):
        first_after = state[AWAITS] if is_behind else state[_REPLACED_BY]
        causes[n] = RESYNC if is_resync else (NO_SNAPSHOT if at == NOWHERE else SEQUENCE_GAP)
        starts[n] = now if at == NOWHERE else state[_GOOD_TS]
        knowns[n], ends[n], befores[n], afters[n] = now, NOWHERE, at, feed.first[first_after]
        state[N_BREAKS], state[IS_OPEN] = n + 1, 1
    if state[IS_OPEN] == 1 and not is_behind:
        ends[state[N_BREAKS] - 1] = now
        state[IS_OPEN] = 0


@allocating
def follow(
    feed: Feed, state: Int64s, was_waiting: Int64s, was_early: Int64s, sheet: Sheet, breaks: Int64s
) -> tuple[Int64s, Int64s]:
    """Take the arrivals of a window one by one; fill steps, breaks and fates.

    Args:
        feed: the messages.
        state: as the last window left it, at first `START`; changed.
        was_waiting: `[w, 2]` heap of (prev, arrival).
        was_early: `[e, 2]` heap of (-event, arrival): updates that had to wait.
        sheet: to be filled; as many rows as there are messages, twice.
        breaks: `[6, n + 1]` to be filled, the fields of `Breaks`; the first is the open one, if `IS_OPEN`.

    Returns:
        Both heaps.
    """
    fate = sheet[3]
    waiting, early = heap_of(was_waiting), heap_of(was_early)
    for i in range(feed.n_before, len(feed.ts)):
        at, n_steps = state[_AT], state[N_STEPS]
        state[_REPLACED_BY] = -1
        if feed.is_snapshot[i]:
            fate[i] = UNUSED_SNAPSHOT
            if feed.is_snapshot_in_stream:
                waiting.clear()
                early.clear()
                _begin_anew(feed, state, sheet, i)
            else:
                _snapshot_arrives(feed, state, sheet, i)
        elif feed.last[i] <= at:
            fate[i] = STALE
            continue
        else:
            fate[i] = BEFORE_SNAPSHOT if at == NOWHERE else OUT_OF_SEQUENCE
            state[LATEST] = i
            heappush(waiting, (feed.prev[i], np.int64(i)))
        if state[_AT] != NOWHERE:
            _advance(feed, state, waiting, sheet, i)
        if not feed.is_snapshot[i] and _waits(feed, state, fate):
            heappush(early, (-feed.event[i], np.int64(i)))
        state[AWAITS] = _awaited(feed, state, fate, early)
        _keep_ledger(feed, state, breaks, i, at)
        if state[AWAITS] >= 0 and (not feed.is_snapshot[i] or state[N_STEPS] > n_steps):
            _step(state, sheet, MARK, state[AWAITS], i)
        elif state[N_STEPS] > n_steps:
            state[_GOOD_TS] = feed.ts[i]
        bound(waiting, early)
    return pairs_of(waiting), pairs_of(early)
