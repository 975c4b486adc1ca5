"""Windows of depth messages to steps over the book: who is a repeat, which numbers join up, who is kept for later.

Belongs here: numbering, repeats, and what is carried from one window to the next.
Does not: the rule by which messages are applied (follower), prices and sizes (book).

A stream whose messages have no ids is numbered here as it arrives: it is unbroken by its own word. Where its lines came
from a connection that several instruments share, marks say where that connection was broken: a number is left out
there, so that what follows waits for the next snapshot.
"""

from typing import Final

import numpy as np
import polars as pl

from trading_assets.raw.messages import NO_SEQ, NO_TIME, PAUSED, RESUMED, SNAPSHOT, Bools, Int8s, Int64s
from trading_assets.raw.rebuilding.follower import (
    AWAITS,
    IN_HAND,
    IS_OPEN,
    LATEST,
    N_BREAKS,
    N_STEPS,
    START,
    Feed,
    follow,
)
from trading_assets.raw.rebuilding.steps import APPLIED, DUPLICATE, FATES, REPLACE, Breaks, Steps, Window
from trading_assets.raw.rebuilding.stream import Stream, joined
from trading_assets.venues.rules import Rule

_NOBODY: Final = np.zeros((0, 2), np.int64)
_POINTERS: Final = (IN_HAND, LATEST, AWAITS)
_IDS: Final = ("kind", "first", "last", "prev")


class Sequencer:
    """Follows one instrument's depth messages, window by window.

    Args:
        rule: how ids of this venue join up.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._state = np.array(START, np.int64)
        self._kept: Stream | None = None  # messages of earlier windows that may still be used
        self._kept_numbers = np.zeros((3, 0), np.int64)  # first, last and prev of each, as they are followed
        self._kept_fate = np.zeros(0, np.int8)
        self._waiting, self._early = _NOBODY, _NOBODY
        self._open_break = np.zeros((len(Breaks._fields), 0), np.int64)
        self._latest_ts = NO_TIME
        self._recent: pl.DataFrame | None = None
        self._numbers = _Numbers()

    def plan(self, arrived: Stream) -> Window:
        """Decide what a window of messages, in order of arrival, does to the book."""
        counted = np.zeros(len(FATES), np.int64)
        if self.is_numbered:
            repeated = self._repeats(arrived)
            counted[DUPLICATE] = arrived.n_lines[repeated].sum()
            arrived = arrived.taken(np.flatnonzero(~repeated)) if repeated.any() else arrived
        n_marks = 0
        numbers = np.stack([arrived.first, arrived.last, self._previous(arrived)])
        if not self.is_numbered:
            numbers, is_mark = self._numbers.given(arrived)
            n_marks = int(arrived.n_lines[is_mark].sum())
            kept = np.flatnonzero(~is_mark)
            arrived, numbers = (arrived.taken(kept), numbers[:, kept]) if is_mark.any() else (arrived, numbers)
        return self._followed(arrived, numbers, counted, n_marks)

    @property
    def is_numbered(self) -> bool:
        """Say whether messages are followed by ids of the venue."""
        return self._rule.updates != "none"

    @property
    def unfinished(self) -> Breaks:
        """The break that is open where the messages end, if there is one."""
        return Breaks(*self._open_break)

    def _followed(self, arrived: Stream, numbers: Int64s, counted: Int64s, n_marks: int) -> Window:
        messages = arrived if self._kept is None else joined([self._kept, arrived])
        numbers = np.concatenate([self._kept_numbers, numbers], axis=1)
        n, n_before = len(messages.kind), len(self._kept_fate)
        fate = np.concatenate([self._kept_fate, np.empty(n - n_before, np.int8)])
        feed = Feed(
            self._rising(messages.ts_recv, n_before),
            np.where(messages.ts_event == NO_TIME, 0, messages.ts_event),
            messages.kind == SNAPSHOT,
            np.ascontiguousarray(numbers[2]),
            np.ascontiguousarray(numbers[0]),
            np.ascontiguousarray(numbers[1]),
            self._rule.may_overlap,
            self._rule.is_snapshot_in_stream,
            n_before,
        )
        message, kind, cause = np.empty(2 * n, np.int64), np.empty(2 * n, np.int8), np.empty(2 * n, np.int64)
        breaks = np.empty((len(Breaks._fields), n + 1), np.int64)
        breaks[:, : self._open_break.shape[1]] = self._open_break
        self._state[N_STEPS], self._state[N_BREAKS] = 0, self._open_break.shape[1]
        sheet = (message, kind, cause, fate)
        self._waiting, self._early = follow(feed, self._state, self._waiting, self._early, sheet, breaks)
        n_steps, n_breaks = int(self._state[N_STEPS]), int(self._state[N_BREAKS])
        n_closed = n_breaks - int(self._state[IS_OPEN])
        self._open_break = breaks[:, n_closed:n_breaks].copy()
        counted += _counted(fate[n_before:], messages.n_lines[n_before:]) + (
            _counted(fate[:n_before], messages.n_lines[:n_before])
            - _counted(self._kept_fate, messages.n_lines[:n_before])
        )
        steps = Steps(message[:n_steps], kind[:n_steps], feed.ts[cause[:n_steps]])
        is_new = (fate == APPLIED) & feed.is_snapshot
        is_new[:n_before] &= self._kept_fate != APPLIED
        n_snapshots = int(messages.n_lines[is_new].sum())
        n_begun_anew = int((steps.kind == REPLACE).sum()) * self._rule.is_snapshot_in_stream
        self._keep(messages, numbers, fate)
        return Window(messages, steps, Breaks(*breaks[:, :n_closed]), counted, n_snapshots, n_begun_anew, n_marks)

    def _rising(self, ts: Int64s, n_before: int) -> Int64s:
        """Return when each message of the window could be known, and of those before it anything."""
        rising = np.maximum.accumulate(np.concatenate([[self._latest_ts], ts[n_before:]]))
        self._latest_ts = int(rising[-1])
        return np.concatenate([np.full(n_before, self._latest_ts), rising[1:]])

    def _previous(self, arrived: Stream) -> Int64s:
        """Return for each message the id that the book must have reached before it."""
        return arrived.prev if self._rule.updates == "previous" else arrived.first - 1

    def _repeats(self, arrived: Stream) -> Bools:
        """Tell exact repeats, within this window and the one before, from first arrivals."""
        ids = pl.DataFrame({name: getattr(arrived, name) for name in _IDS})
        both = ids if self._recent is None else pl.concat([self._recent, ids])
        is_first = both.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
        self._recent = ids
        repeats: Bools = ~is_first[len(both) - len(ids) :]
        return repeats

    def _keep(self, messages: Stream, numbers: Int64s, fate: Int8s) -> None:
        """Keep what may still be used, and let the state point to where it is now."""
        pointers = self._state[list(_POINTERS)]
        kept = np.unique(np.concatenate([self._waiting[:, 1], self._early[:, 1], pointers[pointers >= 0]]))
        self._kept, self._kept_numbers, self._kept_fate = messages.taken(kept), numbers[:, kept], fate[kept]
        for pairs in (self._waiting, self._early):
            pairs[:, 1] = np.searchsorted(kept, pairs[:, 1])
        for which in _POINTERS:
            if self._state[which] >= 0:
                self._state[which] = np.searchsorted(kept, self._state[which])


class _Numbers:
    """Gives consecutive numbers to messages that have none, and leaves one out where the connection was broken.

    Between a mark with `resumed` and the next with `paused` a file was at hand in which nothing was lost. Where no such
    stretch is open, what follows joins on only if it resumes just after where the last one paused.
    """

    def __init__(self) -> None:
        self._given = 0
        self._n_open = 0
        self._paused = NO_SEQ

    def given(self, arrived: Stream) -> tuple[Int64s, Bools]:
        """Return first, last and prev of each message, `[3, n]`, and which messages are marks."""
        is_mark = (arrived.kind == RESUMED) | (arrived.kind == PAUSED)
        steps = (~is_mark).astype(np.int64)
        for at in np.flatnonzero(is_mark).tolist():
            steps[at] = self._marked(int(arrived.kind[at]), int(arrived.last[at]))
        last = self._given + np.cumsum(steps)
        self._given = int(last[-1]) if len(last) else self._given
        return np.stack([last, last, last - 1]), is_mark

    def _marked(self, kind: int, number: int) -> int:
        """Take a mark; return 1 where something was lost before it, else 0."""
        if kind == PAUSED:
            self._paused, self._n_open = number, max(0, self._n_open - 1)
            return 0
        is_lost = self._n_open == 0 and self._paused != number - 1
        self._n_open += 1
        return int(is_lost)


def _counted(fate: Int8s, n_lines: Int64s) -> Int64s:
    return np.bincount(fate, weights=n_lines, minlength=len(FATES)).astype(np.int64)
