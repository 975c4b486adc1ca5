"""Which lines suffer: seeded choices among those that can.

Belongs here: which messages a fault can hit, and telling when there are too few. Does not: hitting them (damage).
"""

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from trading_assets.errors import ImpossibleFaults
from trading_assets.sources.faults.book import NaiveBook, arrivals
from trading_assets.sources.faults.request import Amount, FaultKind, Request, amount_of
from trading_assets.sources.faults.wire import Said

_MAX_CROSSED: Final = 10
"""Updates until a price that was planted across the book is taken out again."""
_UNJUDGED: Final = 300
"""Clocked messages at the head of a recording that no skew is planted in: what is usual is learned from them."""
_STRETCH: Final = 400
"""Clocked messages of which at most one run is skewed, so that the skew never becomes what is usual."""
_EPISODE: Final = (30, 100)


class Chooser:
    """Draws lines by number; no line is drawn twice.

    Args:
        rng: the only source of chance.
        said: what each line says.
        request: what is asked for.
    """

    def __init__(self, rng: random.Random, said: Sequence[Said], request: Request) -> None:
        self._rng = rng
        self._said = said
        self._request = request
        self._free = {n for n, message in enumerate(said) if message.kind in request.kinds}
        self._updates = [n for n, message in enumerate(said) if message.kind == "update"]
        self._taken: set[int] = set()

    def some(self, fault: FaultKind, *, until_ns: int | None = None) -> list[int]:
        """Draw the lines of a fault that hits one message, of those received by `until_ns`."""
        amount: Amount = getattr(self._request, fault)
        possible = sorted(n for n in self._free if until_ns is None or self._said[n].ts_recv <= until_ns)
        n_wanted = amount_of(amount, len(self._free) + len(self._taken)) if isinstance(amount, float) else amount
        self._require(fault, n_wanted, len(possible))
        drawn = sorted(self._rng.sample(possible, n_wanted))
        self._take(drawn)
        return drawn

    def neighbours(self) -> list[tuple[int, int]]:
        """Draw pairs of lines to swap: next to each other among those of their kind, received at different times."""
        pairs: list[tuple[int, int]] = []
        for kind in sorted({"update", "trade", "ticker"} & set(self._request.kinds)):
            lines = [n for n, message in enumerate(self._said) if message.kind == kind]
            pairs += pairwise(lines)
        apart = [(a, b) for a, b in pairs if self._said[a].ts_recv != self._said[b].ts_recv]
        return self._pairs("swap", apart)

    def crossings(self, lines: Sequence[bool]) -> list[tuple[int, int]]:
        """Draw updates to plant a price in and to take it out with; `lines` says which can be edited."""
        story = NaiveBook().follow(arrivals(self._said))
        sound = {id(arrival.message) for arrival in story if arrival.rows and arrival.rows[-1].state == "sound"}
        fit = [n for n in self._updates if lines[n] and id(self._said[n]) in sound]
        ahead = [self._rng.randint(1, _MAX_CROSSED) for _ in fit]
        return self._pairs(
            "cross", [(n, fit[i + k]) for i, (n, k) in enumerate(zip(fit, ahead, strict=True)) if i + k < len(fit)]
        )

    def episodes(self) -> list[tuple[int, int]]:
        """Draw the first and last line of stretches during which a clock is off."""
        clocked = [n for n, m in enumerate(self._said) if m.kind in {"update", "trade"} and m.ts_event is not None]
        n_stretches = max(0, (len(clocked) - _UNJUDGED) // _STRETCH)
        self._require("skew", self._request.skew, n_stretches)
        drawn = sorted(self._rng.sample(range(n_stretches), self._request.skew))
        starts = [_UNJUDGED + stretch * _STRETCH + self._rng.randrange(_STRETCH // 4) for stretch in drawn]
        return [(clocked[start], clocked[start + self._rng.randint(*_EPISODE) - 1]) for start in starts]

    def _pairs(self, fault: FaultKind, possible: list[tuple[int, int]]) -> list[tuple[int, int]]:
        amount: Amount = getattr(self._request, fault)
        n_wanted = amount_of(amount, len(possible))
        self._rng.shuffle(possible)
        drawn: list[tuple[int, int]] = []
        for pair in possible:
            if len(drawn) == n_wanted:
                break
            if not self._taken & set(pair):
                drawn.append(pair)
                self._take(pair)
        self._require(fault, n_wanted, len(drawn))
        return sorted(drawn)

    def _take(self, lines: Iterable[int]) -> None:
        self._taken |= set(lines)
        self._free -= self._taken

    def _require(self, fault: FaultKind, n_wanted: int, n_possible: int) -> None:
        if n_wanted > n_possible:
            what = f" (of {', '.join(self._request.kinds)})" if fault not in {"cross", "skew"} else ""
            raise ImpossibleFaults(
                f"faults: {fault} {n_wanted} was asked for, and this recording has room for {n_possible}{what}"
            )


def farthest(said: Sequence[Said], side: str) -> int:
    """Return the line that speaks of the highest ask, or of the lowest bid: all of the other side lies before it."""
    sign = 1 if side == "ask" else -1
    prices = (
        (sign * px, -n)
        for n, message in enumerate(said)
        for px, sz in (message.asks if side == "ask" else message.bids)
        if sz
    )
    return -max(prices)[1]
