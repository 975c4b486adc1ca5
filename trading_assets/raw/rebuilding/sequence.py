"""When each depth message may be applied: the venue's synchronisation rule, followed as a live reader would.

Belongs here: following update ids, snapshots that join them, messages that wait for a missing one, and what was lost.
Does not: the rules themselves (venues), prices and sizes (book), rows and ledgers (rebuild, gaps).

Messages are taken as they arrived (by receive time; at one instant by update id; never by their place in the file)
and applied in the venue's order. An update covers the ids `(prev, last]`: `prev` is `U - 1` on spot and `pu` on
futures. A book at id `b` continues with an update of `prev == b`; just after a snapshot with one of
`prev <= b < last`, which is Binance's rule for the first update (spot: `U <= L + 1 <= u`; futures: `U <= L <= u`,
where we also accept an `L` in the empty ids between `pu` and `U`). Spot accepts such an overlap at any time
(documentation of the spot stream: only `U > b + 1` is a break); futures do not.

- An update whose predecessor is missing waits. It is a *mark* at once: the book is then known to be behind. When the
  predecessor arrives late, both are applied, at that time.
- What comes late moves the book and does not heal it while more is missing: it stays behind for as long as an update
  waits that the venue did not send before the last one applied. One that waits though the venue has since sent what
  joins up (an absurd id) holds nothing up.
- A snapshot that no update led to is kept in hand. It is laid into the book when the stream reaches its id, and
  taken in place of the book when the stream turns out to be broken before it.
- A snapshot behind the book tells nothing new, and an update behind the book is stale: neither is used.

Each decision uses only what had arrived, so cutting a recording short never changes what came before the cut.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from trading_assets.raw.compiled import Int, compiled
from trading_assets.raw.messages import BookMessages, Bools, Int64s
from trading_assets.raw.rebuilding.steps import (
    APPLIED,
    BEFORE_SNAPSHOT,
    DUPLICATE,
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
    Breaks,
    Int8s,
    Plan,
    Steps,
)
from trading_assets.venues.rules import Rule

_SEQUENCE: Final = ("seq_first", "seq_last")


class _Feed(NamedTuple):
    """Messages as they arrived, without repeats."""

    ts: Int64s  # never falling
    event: Int64s
    is_snapshot: Bools
    prev: Int64s
    first: Int64s
    last: Int64s
    may_overlap: bool


def plan(books: Sequence[BookMessages], rule: Rule) -> Plan:
    """Decide what to apply, and when.

    Args:
        books: captures, one after the other in time; messages are counted through all of them.
        rule: how ids of this venue join up.
    """
    order = _arrivals(books)
    fate = np.full(len(order), DUPLICATE, np.int8)
    order = order[_is_first(books, order)]
    ts = np.maximum.accumulate(_column(books, "ts_recv")[order])
    prev = np.concatenate([_previous(book, rule) for book in books])[order]
    first, last = (_column(books, name)[order] for name in _SEQUENCE)
    event, is_snapshot = (_column(books, name)[order] for name in ("ts_event", "is_snapshot"))
    feed = _Feed(ts, event, is_snapshot, prev, first, last, rule.may_overlap)
    n = len(order)
    message, kind, cause = np.empty(2 * n, np.int64), np.empty(2 * n, np.int8), np.empty(2 * n, np.int64)
    breaks, outcome = np.empty((len(Breaks._fields), n), np.int64), np.empty(n, np.int8)
    n_steps, n_breaks = _follow(feed, (message, kind, cause, outcome), breaks)
    fate[order] = outcome
    cause = cause[:n_steps]
    steps = Steps(order[message[:n_steps]], kind[:n_steps], ts[cause], order[cause])
    return Plan(steps, Breaks(*breaks[:, :n_breaks]), fate)


def _previous(book: BookMessages, rule: Rule) -> Int64s:
    """Return for each message the id that the book must have reached before it."""
    return book.seq_prev if rule.updates == "previous" else book.seq_first - 1


def _column(books: Sequence[BookMessages], name: str) -> Any:  # noqa: ANN401 - int64 or bool, as the column has it
    return np.concatenate([getattr(book, name) for book in books])


def _arrivals(books: Sequence[BookMessages]) -> Int64s:
    """Order messages by receive time, at one instant by id, and by neither across captures."""
    starts = np.cumsum([0, *(len(book.line_no) for book in books)])
    orders = [np.lexsort((book.seq_last, book.ts_recv)) for book in books]
    return np.concatenate([order + start for order, start in zip(orders, starts, strict=False)])


def _is_first(books: Sequence[BookMessages], order: Int64s) -> Bools:
    """Tell first arrivals from exact repeats."""
    ids = pl.DataFrame({name: _column(books, name)[order] for name in ("is_snapshot", *_SEQUENCE, "seq_prev")})
    first: Bools = ids.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    return first


_Sheet = tuple[Int64s, Int8s, Int64s, Int8s]
"""Columns to fill: message, kind and cause of each step; fate of each arrival."""

# Below, the state of the reader is an int64 array, so that one compiled function can hand it to the next.
_AT: Final = 0  # id the book stands at
_IS_FRESH: Final = 1  # it stands on a snapshot
_IN_HAND: Final = 2  # arrival of the snapshot kept in hand, or -1
_LATEST: Final = 3  # arrival of the latest update that was not stale, or -1
_N_STEPS: Final = 4
_REPLACED_BY: Final = 5  # arrival of the snapshot that this arrival made the book anew from, or -1
_GOOD_TS: Final = 6  # when the book was last moved in sequence
_N_BREAKS: Final = 7
_IS_OPEN: Final = 8  # the last break has not ended
_AWAITS: Final = 9  # arrival of an update that the book is behind of, or -1
_AT_EVENT: Final = 10  # when the venue sent the last update that was applied


@compiled
def _step(state: Int64s, sheet: _Sheet, kind: Int, message: Int, arrival: int) -> None:
    messages, kinds, causes, _ = sheet
    n = state[_N_STEPS]
    messages[n], kinds[n], causes[n] = message, kind, arrival
    state[_N_STEPS] = n + 1


@compiled
def _take_snapshot(feed: _Feed, state: Int64s, sheet: _Sheet, kind: int, message: Int, arrival: int) -> None:
    _step(state, sheet, kind, message, arrival)
    sheet[3][message] = APPLIED
    state[_AT], state[_IS_FRESH], state[_IN_HAND] = feed.last[message], 1, -1
    if kind == REPLACE:
        state[_REPLACED_BY] = message


@compiled
def _advance(feed: _Feed, state: Int64s, waiting: list[tuple[np.int64, np.int64]], sheet: _Sheet, arrival: int) -> None:
    """Apply what waits for as long as it joins up."""
    while len(waiting) > 0:
        prev, message = waiting[0]
        at, in_hand = state[_AT], state[_IN_HAND]
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
def _waits(feed: _Feed, state: Int64s, fate: Int8s) -> bool:
    """Say whether the latest update still waits."""
    latest = state[_LATEST]
    return bool(latest >= 0 and fate[latest] != APPLIED and feed.last[latest] > state[_AT])


@compiled
def _awaited(feed: _Feed, state: Int64s, fate: Int8s, early: list[tuple[np.int64, np.int64]]) -> Int:
    """Return an update that the book is behind of, or -1: the latest, else the early one that the venue sent last."""
    if _waits(feed, state, fate):
        return np.int64(state[_LATEST])
    while len(early) > 0 and feed.last[early[0][1]] <= state[_AT]:
        heappop(early)
    return early[0][1] if len(early) > 0 and -early[0][0] >= state[_AT_EVENT] else np.int64(-1)


@compiled
def _snapshot_arrives(feed: _Feed, state: Int64s, sheet: _Sheet, arrival: int) -> None:
    at, last, in_hand = state[_AT], feed.last[arrival], state[_IN_HAND]
    is_behind = state[_AWAITS] >= 0
    if at == NOWHERE or (is_behind and last > at):
        _take_snapshot(feed, state, sheet, REPLACE, arrival, arrival)
    elif last == at and not is_behind:
        _take_snapshot(feed, state, sheet, LAY, arrival, arrival)
        state[_IN_HAND] = in_hand
    elif last > at and (in_hand < 0 or last > feed.last[in_hand]):
        state[_IN_HAND] = arrival


@compiled
def _keep_ledger(feed: _Feed, state: Int64s, breaks: Int64s, arrival: int, at: Int) -> None:
    """Open a break that this arrival revealed, close one that it healed; `at` is the id before it."""
    causes, starts, knowns, ends, befores, afters = breaks
    is_behind = state[_AWAITS] >= 0
    now, n = feed.ts[arrival], state[_N_BREAKS]
    is_resync = at != NOWHERE and not is_behind and state[_REPLACED_BY] >= 0
    if state[_IS_OPEN] == 0 and (is_behind or is_resync):
        first_after = state[_AWAITS] if is_behind else state[_REPLACED_BY]
        causes[n] = RESYNC if is_resync else (NO_SNAPSHOT if at == NOWHERE else SEQUENCE_GAP)
        starts[n] = now if at == NOWHERE else state[_GOOD_TS]
        knowns[n], ends[n], befores[n], afters[n] = now, NOWHERE, at, feed.first[first_after]
        state[_N_BREAKS], state[_IS_OPEN] = n + 1, 1
    if state[_IS_OPEN] == 1 and not is_behind:
        ends[state[_N_BREAKS] - 1] = now
        state[_IS_OPEN] = 0


@compiled
def _follow(feed: _Feed, sheet: _Sheet, breaks: Int64s) -> tuple[Int, Int]:
    """Take the arrivals one by one; fill steps, breaks and fates, and return how many of the first two."""
    fate = sheet[3]
    state = np.array([NOWHERE, 0, -1, -1, 0, -1, NOWHERE, 0, 0, -1, NOWHERE], dtype=np.int64)
    waiting = [(np.int64(0), np.int64(0))]  # a heap of (prev, arrival)
    early = [(np.int64(0), np.int64(0))]  # a heap of (-event, arrival): updates that had to wait
    waiting.pop()
    early.pop()
    for i in range(len(feed.ts)):
        at, n_steps = state[_AT], state[_N_STEPS]
        state[_REPLACED_BY] = -1
        if feed.is_snapshot[i]:
            fate[i] = UNUSED_SNAPSHOT
            _snapshot_arrives(feed, state, sheet, i)
        elif feed.last[i] <= at:
            fate[i] = STALE
            continue
        else:
            fate[i] = BEFORE_SNAPSHOT if at == NOWHERE else OUT_OF_SEQUENCE
            state[_LATEST] = i
            heappush(waiting, (feed.prev[i], np.int64(i)))
        if state[_AT] != NOWHERE:
            _advance(feed, state, waiting, sheet, i)
        if not feed.is_snapshot[i] and _waits(feed, state, fate):
            heappush(early, (-feed.event[i], np.int64(i)))
        state[_AWAITS] = _awaited(feed, state, fate, early)
        _keep_ledger(feed, state, breaks, i, at)
        if state[_AWAITS] >= 0 and (not feed.is_snapshot[i] or state[_N_STEPS] > n_steps):
            _step(state, sheet, MARK, state[_AWAITS], i)
        elif state[_N_STEPS] > n_steps:
            state[_GOOD_TS] = feed.ts[i]
    return state[_N_STEPS], state[_N_BREAKS]
