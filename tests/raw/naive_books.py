"""The slow and obvious book: dictionaries, lists, a search through all that waits. A reference, not a peer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from wire_books import Depth, sent

Row = tuple[float, int, bool, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
"""Seconds, last id, validity, and the best bids and asks."""


@dataclass
class NaiveReader:
    """Follows the venue's rule one arrival at a time."""

    is_futures: bool
    depth: int
    at: int | None = None
    is_fresh: bool = False
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    waiting: list[Depth] = field(default_factory=list)
    in_hand: Depth | None = None
    latest: Depth | None = None
    early: list[Depth] = field(default_factory=list)
    at_sent: float = float("-inf")
    rows: list[Row] = field(default_factory=list)

    def read(self, lines: Sequence[Depth]) -> list[Row]:
        seen = set()
        for line in sorted(lines, key=lambda x: (x.ts, x.last)):
            key = (line.is_snapshot, line.first, line.last, line.prev)
            if key not in seen:
                seen.add(key)
                self._arrive(line)
        return self.rows

    def _arrive(self, line: Depth) -> None:
        n_rows, at = len(self.rows), self.at
        if line.is_snapshot:
            self._take_or_keep(line)
        elif at is not None and line.last <= at:
            return
        else:
            self.waiting.append(line)
            self.latest = line
        while self.at is not None and self._move(line.ts):
            pass
        has_moved = len(self.rows) > n_rows or self.at != at
        if not line.is_snapshot and self._is_ahead(line):
            self.early.append(line)
        if self._is_behind() and (not line.is_snapshot or has_moved):
            self.rows.append((line.ts, self._awaited().last, False, (), ()))

    def _is_ahead(self, line: Depth | None) -> bool:
        return line is not None and line.last > (-1 if self.at is None else self.at)

    def _is_behind(self) -> bool:
        return self._awaited() is not None

    def _awaited(self) -> Depth | None:
        """An update that was sent no earlier than the last one applied, and yet waits."""
        if self._is_ahead(self.latest):
            return self.latest
        ahead = [x for x in self.early if self._is_ahead(x) and sent(x) >= self.at_sent]
        return max(ahead, key=sent, default=None)

    def _take_or_keep(self, line: Depth) -> None:
        if self.at is None or (self._is_behind() and line.last > self.at):
            self._snap(line, line.ts, is_whole=True)
        elif line.last == self.at and not self._is_behind():
            kept = self.in_hand
            self._snap(line, line.ts, is_whole=False)
            self.in_hand = kept
        elif line.last > self.at and (self.in_hand is None or line.last > self.in_hand.last):
            self.in_hand = line

    def _move(self, now: float) -> bool:
        """Take one step if there is one to take."""
        if not self.waiting:
            return False
        line = min(self.waiting, key=lambda x: (self._prev(x), self._arrival(x)))
        if self._prev(line) > self.at:
            if self.in_hand is None:
                return False
            self._snap(self.in_hand, now, is_whole=True)
            return True
        joins = line.last > self.at and (self._prev(line) == self.at or self.is_fresh or not self.is_futures)
        if joins and self.in_hand is not None and self.in_hand.last < line.last:
            self._snap(self.in_hand, now, is_whole=False)
            return True
        self.waiting.remove(line)
        if joins:
            self._update(line, now)
        return True

    def _prev(self, line: Depth) -> int:
        return line.prev if self.is_futures else line.first - 1

    def _arrival(self, line: Depth) -> tuple[float, int]:
        return (line.ts, line.last)

    def _update(self, line: Depth, now: float) -> None:
        has_changed = False
        for side, rungs in ((self.bids, line.bids), (self.asks, line.asks)):
            for px, sz in rungs:
                has_changed |= side.get(px, 0) != sz
                side[px] = sz
                if sz == 0:
                    del side[px]
        self.at, self.is_fresh, self.at_sent = line.last, False, sent(line)
        if has_changed:
            self._show(line, now)
        if self.in_hand is not None and self.in_hand.last == line.last:
            self._snap(self.in_hand, now, is_whole=False)

    def _snap(self, line: Depth, now: float, *, is_whole: bool) -> None:
        low = min((px for px, _ in line.bids), default=None)
        high = max((px for px, _ in line.asks), default=None)
        self.bids = {} if is_whole else {p: s for p, s in self.bids.items() if low is None or p < low}
        self.asks = {} if is_whole else {p: s for p, s in self.asks.items() if high is None or p > high}
        self.bids.update({px: sz for px, sz in line.bids if sz})
        self.asks.update({px: sz for px, sz in line.asks if sz})
        self.at, self.is_fresh, self.in_hand = line.last, True, None
        self._show(line, now)

    def _show(self, line: Depth, now: float) -> None:
        bids = tuple(sorted(self.bids.items(), reverse=True)[: self.depth])
        asks = tuple(sorted(self.asks.items())[: self.depth])
        is_valid = bool(bids) and bool(asks) and bids[0][0] < asks[0][0]
        self.rows.append((now, line.last, is_valid, bids, asks))


@st.composite
def recordings(draw: st.DrawFn, *, is_futures: bool) -> list[Depth]:
    """Draw the depth messages of a venue as a poor line delivers them: late, lost, repeated, with snapshots between."""
    rungs = st.lists(st.tuples(st.integers(90, 110), st.integers(0, 3)), max_size=3)
    bids, asks, lines, last = {}, {}, [], draw(st.integers(1, 5))
    for i in range(draw(st.integers(0, 25))):
        prev, first = last, last + (draw(st.integers(1, 3)) if is_futures else 1)
        last = first + draw(st.integers(0, 3))
        line = Depth(i, first, last, prev if is_futures else -1, draw(rungs), draw(rungs))
        for side, levels in ((bids, line.bids), (asks, line.asks)):
            side.update(levels)
        lines.append(line)
        if draw(st.integers(0, 5)) == 0:
            lines.append(_snapshot_of(draw, i, last, bids, asks))
    return [_delivered(draw, line) for line in lines for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 1, 1, 2))))]


def _snapshot_of(draw: st.DrawFn, ts: float, last: int, bids: dict[int, int], asks: dict[int, int]) -> Depth:
    limit, shift = draw(st.integers(0, 8)), draw(st.sampled_from((0, 0, 0, -2, -1, 1, 4)))
    best_bids = sorted(((p, s) for p, s in bids.items() if s), reverse=True)[:limit]
    best_asks = sorted((p, s) for p, s in asks.items() if s)[:limit]
    return Depth(ts, last + shift, last + shift, bids=best_bids, asks=best_asks, is_snapshot=True)


def _delivered(draw: st.DrawFn, line: Depth) -> Depth:
    delay = draw(st.sampled_from((0.0, 0.0, 0.0, 0.0, 0.5, 1.5, 3.25, 8.0)))
    return Depth(line.ts + delay, line.first, line.last, line.prev, line.bids, line.asks, line.is_snapshot, line.ts)
