"""What is asked for: how many of which fault, on which kinds of messages.

Belongs here: amounts and their ranges. Does not: whether a recording has as many messages (choice).
"""

import math
import re
from dataclasses import dataclass, fields
from typing import Final, Literal

from trading_assets.errors import ImpossibleFaults
from trading_assets.sources.faults.wire import KINDS, Kind

FaultKind = Literal["drop", "repeat", "swap", "delay", "corrupt", "cross", "skew"]
Amount = int | float
"""A whole number counts; a float is the share, from 0 to 1, of the messages that the fault can hit."""
Clock = Literal["event", "receive"]

FAULT_KINDS: Final[tuple[FaultKind, ...]] = ("drop", "repeat", "swap", "delay", "corrupt", "cross", "skew")
_COUNT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%", re.ASCII)
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Faults to make; each message suffers at most one of them, a skewed clock aside.

    Attributes:
        drop: messages that never arrive.
        repeat: messages that arrive a second time, up to `max_delay_ms` later.
        swap: pairs of neighbours of one kind that arrive in each other's place.
        delay: messages that arrive up to `max_delay_ms` late.
        corrupt: messages whose bytes are damaged beyond reading.
        cross: updates that plant a price across the book; one of the next ten updates takes it out again.
        skew: episodes of 30 to 100 updates and trades during which a clock is 2 to 6 seconds off; a whole number.
        kinds: what may be dropped, repeated, swapped, delayed and corrupted; snapshots are not swapped.
        max_delay_ms: the longest delay.
        skew_clock: the venue's clock (`event`) or the recorder's (`receive`, which then runs ahead).

    Raises:
        ImpossibleFaults: a value is out of its range.
    """

    drop: Amount = 0
    repeat: Amount = 0
    swap: Amount = 0
    delay: Amount = 0
    corrupt: Amount = 0
    cross: Amount = 0
    skew: int = 0
    kinds: tuple[Kind, ...] = ("update", "trade")
    max_delay_ms: int = 500
    skew_clock: Clock = "event"

    def __post_init__(self) -> None:
        for name in FAULT_KINDS:
            amount = getattr(self, name)
            is_allowed = amount >= 0 if isinstance(amount, int) else math.isfinite(amount) and 0 <= amount <= 1
            _require(is_allowed, name, amount, "a count, 0 or more, or a share from 0 to 1")
        _require(isinstance(self.skew, int), "skew", self.skew, "a number of episodes")
        _require(0 < self.max_delay_ms <= 60_000, "max_delay_ms", self.max_delay_ms, "1 to 60000")  # noqa: PLR2004 - a minute
        _require(bool(self.kinds) and set(self.kinds) <= set(KINDS), "kinds", self.kinds, f"of {', '.join(KINDS)}")
        _require(self.skew_clock in {"event", "receive"}, "skew_clock", self.skew_clock, "event or receive")

    def document(self) -> dict[str, object]:
        """Return all that was asked for, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def parse_amount(text: str, *, name: str) -> Amount:
    """Parse `5` (a count) or `0.5%` (a share).

    Raises:
        ImpossibleFaults: the text is neither.
    """
    if _COUNT.fullmatch(text):
        return int(text)
    share = _SHARE.fullmatch(text)
    if share is None:
        raise ImpossibleFaults(f"--{name} {text[:32]!a}: write a count such as 5, or a share such as 0.5%")
    return float(share[1]) / _PERCENT


def amount_of(amount: Amount, n_possible: int) -> int:
    """Return how many that are, of `n_possible` messages."""
    return amount if isinstance(amount, int) else round(amount * n_possible)


def _require(holds: bool, name: str, value: object, allowed: str) -> None:  # noqa: FBT001 - it is the assertion itself
    if not holds:
        raise ImpossibleFaults(f"faults: {name} is {value}: it must be {allowed}")
