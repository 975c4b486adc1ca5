"""The book as the venue's manual describes it, in dictionaries: where it stands after each arrival, and if it is sound.

Belongs here: applying updates and snapshots one arrival at a time. Does not: rows of the ledger (expected).

The rule is that of docs/time.md. Messages are taken by receive time, at one instant by id, repeats left out. An update
is applied when all before it were; a snapshot replaces a book that is behind, and refreshes one that reaches its id.
The book is *behind* while the latest update waits, or any that the venue did not send before the last one applied.
"""

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal

from trading_assets.sources.faults.wire import Rungs, Said

State = Literal["sound", "unsound", "behind"]


@dataclass(frozen=True, slots=True)
class Row:
    """The book after something was done to it, or a message that must wait."""

    ts: int
    first: int
    last: int
    state: State


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one message did."""

    ts: int
    message: Said
    at_before: int | None  # id the book stood at; None before any snapshot
    is_moved: bool
    is_behind: bool
    replaced_by: Said | None  # the snapshot that the book was made anew from
    rows: tuple[Row, ...]


def arrivals(messages: Sequence[Said]) -> list[Said]:
    """Return updates and snapshots in the order in which they count, without repeats."""
    depth = (m for m in messages if m.kind in {"update", "snapshot"})
    distinct: dict[tuple[bool, int, int, int], Said] = {}
    for message in sorted(depth, key=lambda m: (m.ts_recv, m.last)):
        distinct.setdefault((message.kind == "snapshot", message.first, message.last, message.prev), message)
    return list(distinct.values())


@dataclass(slots=True)
class NaiveBook:
    """Both sides as price → size, the id they stand at, and what waits."""

    at: int | None = None
    bids: dict[float, float] = field(default_factory=dict)
    asks: dict[float, float] = field(default_factory=dict)
    _waiting: list[Said] = field(default_factory=list)  # by the id each needs, of equals the first to arrive first
    _latest: Said | None = None  # update to arrive that was not behind the book
    _early: list[Said] = field(default_factory=list)  # updates that had to wait
    _at_event: int = -1  # when the venue sent the last update that was applied
    _kept: Said | None = None  # newest snapshot that the book has not reached
    _is_fresh: bool = False
    _rows: list[Row] = field(default_factory=list)
    _replaced_by: Said | None = None

    def follow(self, messages: Sequence[Said]) -> Iterator[Arrival]:
        """Take messages in order, and tell what each did; the book may be looked at in between."""
        now = 0
        for message in messages:
            now = max(now, message.ts_recv)
            yield self._arrive(message, now)

    def _arrive(self, message: Said, now: int) -> Arrival:
        before, self._rows, self._replaced_by = self.at, [], None
        is_news = message.kind == "snapshot" or before is None or message.last > before
        if message.kind == "snapshot":
            self._take_or_keep(message, now)
        elif is_news:
            insort(self._waiting, message, key=attrgetter("prev"))
            self._latest = message
        while self.at is not None and self._advance(now):
            pass
        if message.kind == "update" and self._is_ahead(message):
            self._early.append(message)
        is_moved = self.at != before or bool(self._rows)
        is_behind = self._is_behind()
        if is_behind and is_news and (message.kind == "update" or is_moved):
            self._rows.append(Row(now, message.first, message.last, "behind"))
        return Arrival(now, message, before, is_moved, is_behind, self._replaced_by, tuple(self._rows))

    def _is_ahead(self, update: Said) -> bool:
        return self.at is None or update.last > self.at

    def _is_behind(self) -> bool:
        if self._latest is not None and self._is_ahead(self._latest):
            return True
        self._early = [update for update in self._early if self._is_ahead(update)]
        return any((update.ts_event or 0) >= self._at_event for update in self._early)

    def _take_or_keep(self, snapshot: Said, now: int) -> None:
        if self.at is None or (self._is_behind() and snapshot.last > self.at):
            self._replace(snapshot, now)
        elif snapshot.last == self.at and not self._is_behind():
            self._refresh(snapshot, now)
        elif snapshot.last > self.at and (self._kept is None or snapshot.last > self._kept.last):
            self._kept = snapshot

    def _advance(self, now: int) -> bool:
        """Do the next thing that can be done, if there is one."""
        if self.at is None or not self._waiting:
            return False
        update = self._waiting[0]
        kept = self._kept if self._kept is not None and self._kept.last >= self.at else None
        if update.prev > self.at:
            if kept is not None:
                self._replace(kept, now)
            return kept is not None
        del self._waiting[0]
        if update.last > self.at and (update.prev == self.at or self._is_fresh or not update.is_linked):
            if kept is not None and kept.last < update.last:
                self._refresh(kept, now)
            self._apply(update, now)
            if kept is not None and kept.last == update.last:
                self._refresh(kept, now)
        return True

    def _apply(self, update: Said, now: int) -> None:
        is_changed = False
        for side, rungs in ((self.bids, update.bids), (self.asks, update.asks)):
            for px, sz in rungs:
                is_changed |= side.get(px, 0.0) != sz
                side[px] = sz
                if sz == 0:
                    del side[px]
        self.at, self._is_fresh, self._at_event = update.last, False, update.ts_event or 0
        if is_changed:
            self._show(update, now)

    def _refresh(self, snapshot: Said, now: int) -> None:
        """Lay a snapshot over a book that is in sequence: what lies deeper than it reaches stays."""
        low = min((px for px, _ in snapshot.bids), default=float("inf"))
        high = max((px for px, _ in snapshot.asks), default=float("-inf"))
        self.bids = {px: sz for px, sz in self.bids.items() if px < low}
        self.asks = {px: sz for px, sz in self.asks.items() if px > high}
        self._lay(snapshot, now)

    def _replace(self, snapshot: Said, now: int) -> None:
        self.bids, self.asks, self._replaced_by = {}, {}, snapshot
        self._lay(snapshot, now)

    def _lay(self, snapshot: Said, now: int) -> None:
        self.bids.update(_standing(snapshot.bids))
        self.asks.update(_standing(snapshot.asks))
        self.at, self._is_fresh = snapshot.last, True
        if self._kept is not None and self._kept.last <= self.at:
            self._kept = None
        self._show(snapshot, now)

    def _show(self, message: Said, now: int) -> None:
        is_sound = bool(self.bids) and bool(self.asks) and max(self.bids) < min(self.asks)
        self._rows.append(Row(now, message.first, message.last, "sound" if is_sound else "unsound"))


def _standing(rungs: Rungs) -> dict[float, float]:
    return {px: sz for px, sz in rungs if sz}
