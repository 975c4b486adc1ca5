"""From a sound recording to a damaged one: every fault laid on its line, and an account of each.

Belongs here: when a harmed line arrives, and where it ends up. Does not: what must follow from it (expected).

Lines are written in the order in which they reach the recorder. A line that was delayed or repeated stands where its
new receive time puts it; a skewed receive clock changes what is written on a line, and not its place.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import Final

from trading_assets.errors import ImpossibleFaults
from trading_assets.sources.faults import harm
from trading_assets.sources.faults.choice import Chooser, farthest
from trading_assets.sources.faults.records import DeadLetter, Fault, Touched
from trading_assets.sources.faults.request import FaultKind, Request
from trading_assets.sources.faults.wire import Said, read, require_one_partition

_MS: Final = 1_000_000
_NS_PER_DAY: Final = 86_400 * 10**9
_SKEW_MS: Final = (2_000, 6_000)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged recording and what was done to it."""

    lines: list[bytes]
    faults: tuple[Fault, ...]
    dead_letters: tuple[DeadLetter, ...]


def damage(lines: Sequence[bytes], request: Request, *, seed: int) -> Damaged:
    """Lay the faults that are asked for over a recording of one instrument and one UTC day.

    Args:
        lines: `<receive ns> <venue JSON>`, each with its line feed.
        request: how many of which.
        seed: equal seeds and lines give equal bytes.

    Raises:
        ImpossibleFaults: there are not as many messages that could suffer that.
        NotACapture: no line can be read, or they are of several instruments or days.
    """
    said = [read(line) for line in lines]
    require_one_partition(said)
    work = _Work(lines, said, request, random.Random(seed))  # noqa: S311 - faults, not secrets
    work.skew()
    work.cross()
    work.swap()
    work.delay()
    work.repeat()
    work.corrupt()
    work.drop()
    return work.finished()


@dataclass(slots=True, eq=False)
class _Slot:
    """A line on its way to the output."""

    line: bytes
    place: tuple[int, int]  # when it reaches the recorder; at one instant, the order in which it does
    is_lost: bool = False


@dataclass(slots=True)
class _Note:
    """A fault before it is known where its lines end up."""

    kind: FaultKind
    detail: str
    touched: list[tuple[int, _Slot]]  # line of the input that said it, slot that says it now


class _Work:
    """A recording while faults are laid over it."""

    def __init__(self, lines: Sequence[bytes], said: Sequence[Said], request: Request, rng: random.Random) -> None:
        positions = list(accumulate((message.ts_recv for message in said), max))
        self._said = said
        self._rng = rng
        self._request = request
        self._chooser = Chooser(rng, said, request)
        self._slots = [_Slot(line, (at, n)) for n, (line, at) in enumerate(zip(lines, positions, strict=True))]
        self._added: list[_Slot] = []
        self._notes: list[_Note] = []
        self._reasons: dict[int, str] = {}  # id of a slot -> why it is a dead letter
        self._last_ns = positions[-1]
        self._n_late = 0

    def skew(self) -> None:
        """Shift a clock on every line of some stretches."""
        for first, last in self._chooser.episodes():
            shift_ms = self._rng.randint(*_SKEW_MS)
            hit = [n for n in range(first, last + 1) if self._said[n].ts_recv >= 0]
            if self._request.skew_clock == "receive":
                self._require_same_day(self._slots[last].place[0] + (shift_ms + self._request.max_delay_ms) * _MS)
            else:
                shift_ms *= self._rng.choice((-1, 1))
            self._note("skew", f"{self._request.skew_clock} clock {shift_ms:+d} ms", *self._shifted(hit, shift_ms))

    def cross(self) -> None:
        """Plant a price beyond the whole other side in one update, and take it out in a later one."""
        for planted, taken_out in self._chooser.crossings([harm.can_take_rung(slot.line) for slot in self._slots]):
            side = self._rng.choice(("bid", "ask"))
            px, sz = self._across(side)
            for n, size in ((planted, sz), (taken_out, harm.nothing(sz))):
                self._slots[n].line = harm.with_rung(self._slots[n].line, side, (px, size))
            self._note("cross", f"{side} {px}", planted, taken_out)

    def swap(self) -> None:
        """Let two neighbours arrive in each other's place and at each other's time."""
        for a, b in self._chooser.neighbours():
            one, other = self._slots[a], self._slots[b]
            times = _time_of(one.line), _time_of(other.line)
            one.line, other.line = harm.with_time(one.line, times[1]), harm.with_time(other.line, times[0])
            one.place, other.place = other.place, one.place
            self._note("swap", "", a, b)

    def delay(self) -> None:
        """Let messages arrive later."""
        for n in self._chooser.some("delay", until_ns=self._last_start()):
            delay_ns = self._delay_ns()
            slot = self._slots[n]
            slot.line = harm.with_time(slot.line, _time_of(slot.line) + delay_ns)
            slot.place = self._later(slot, delay_ns)
            self._note("delay", f"{delay_ns} ns", n)

    def repeat(self) -> None:
        """Let messages arrive once more, later."""
        for n in self._chooser.some("repeat", until_ns=self._last_start()):
            delay_ns = self._delay_ns()
            slot = self._slots[n]
            again = harm.with_time(slot.line, _time_of(slot.line) + delay_ns)
            self._added.append(_Slot(again, self._later(slot, delay_ns)))
            self._notes.append(_Note("repeat", f"{delay_ns} ns later", [(n, self._added[-1])]))

    def corrupt(self) -> None:
        """Make lines unreadable."""
        for n in self._chooser.some("corrupt"):
            slot = self._slots[n]
            slot.line, reason = harm.corrupted(slot.line, self._rng)
            self._reasons[id(slot)] = reason
            self._note("corrupt", reason, n)

    def drop(self) -> None:
        """Lose messages."""
        for n in self._chooser.some("drop"):
            self._slots[n].is_lost = True
            self._note("drop", "", n)

    def finished(self) -> Damaged:
        """Put the lines in order and the account beside them."""
        alive = [slot for slot in (*self._slots, *self._added) if not slot.is_lost]
        alive.sort(key=attrgetter("place"))
        places = {id(slot): n for n, slot in enumerate(alive)}
        offsets = list(accumulate((len(slot.line) for slot in alive), initial=0))
        letters = [
            DeadLetter(line_no=n, offset=offsets[n], n_bytes=len(alive[n].line), reason=reason)
            for n, reason in sorted((places[slot], reason) for slot, reason in self._reasons.items())
        ]
        faults = (self._told(note, places) for note in self._notes)
        return Damaged([slot.line for slot in alive], tuple(faults), tuple(letters))

    def _note(self, kind: FaultKind, detail: str, *lines: int) -> None:
        self._notes.append(_Note(kind, detail, [(n, self._slots[n]) for n in lines]))

    def _told(self, note: _Note, places: dict[int, int]) -> Fault:
        touched = [self._touched(n, slot, places.get(id(slot))) for n, slot in note.touched]
        kinds = sorted({self._said[n].kind for n, _ in note.touched})
        return Fault(kind=note.kind, messages=", ".join(kinds), detail=note.detail, touched=tuple(touched))

    def _touched(self, line_in: int, slot: _Slot, line_out: int | None) -> Touched:
        message = self._said[line_in]
        ts_out = None if line_out is None else read(slot.line).ts_recv
        return Touched(
            line_in=line_in,
            line_out=line_out,
            ts_recv_in=message.ts_recv,
            ts_recv_out=None if ts_out == -1 else ts_out,
            seq_first=None if message.first < 0 else message.first,
            seq_last=None if message.last < 0 else message.last,
        )

    def _across(self, side: str) -> tuple[str, str]:
        """Return a price and size that cross the book when they rest on `side`, as the recording spells them."""
        other = "ask" if side == "bid" else "bid"
        sign = 1 if other == "ask" else -1
        return max(
            harm.rungs_of(self._slots[farthest(self._said, other)].line, other), key=lambda x: sign * float(x[0])
        )

    def _shifted(self, hit: Sequence[int], shift_ms: int) -> list[int]:
        """Shift a clock on some lines; return those that tell its time."""
        before = {n: self._slots[n].line for n in hit}
        for n, line in before.items():
            if self._request.skew_clock == "receive":
                self._slots[n].line = harm.with_time(line, _time_of(line) + shift_ms * _MS)
            else:
                self._slots[n].line = harm.with_event_shifted(line, shift_ms)
        return [n for n, line in before.items() if line != self._slots[n].line]

    def _later(self, slot: _Slot, delay_ns: int) -> tuple[int, int]:
        """Return a place after everything that was recorded by then, and after what came late before."""
        self._n_late += 1
        return slot.place[0] + delay_ns, len(self._slots) + self._n_late

    def _delay_ns(self) -> int:
        return self._rng.randint(_MS, self._request.max_delay_ms * _MS)

    def _last_start(self) -> int:
        """Return until when a message can be late and yet arrive before the recording ends."""
        return self._last_ns - self._request.max_delay_ms * _MS

    def _require_same_day(self, ts: int) -> None:
        if ts // _NS_PER_DAY != self._last_ns // _NS_PER_DAY:
            raise ImpossibleFaults(
                "the receive clock cannot be skewed so shortly before midnight: skew the event clock"
            )


def _time_of(line: bytes) -> int:
    """Return the receive time that a readable line begins with."""
    return int(line[:19])
