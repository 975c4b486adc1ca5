"""What to simulate: which days, how long, how strong a signal.

Belongs here: the parameters of a recording, their ranges, and the instants they imply.
Does not: parameters of the market itself (`order_flow`, `exchange`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from trading_assets.errors import InvalidSettings

DAY_MINUTES: Final = 24 * 60
MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is recorded of each instrument: every day from midnight on, for some minutes, by a recorder's clock.

    Attributes:
        start_day: first UTC day.
        days: number of days in a row.
        minutes_per_day: 1 to 1440; with 1440 the days join without a gap.
        signal_strength: 0 (no signal) to 1; docs/simulator.md says what a strength is worth.
        seed: equal seeds give equal bytes.
        snapshot_every_s: time between REST snapshots; each session begins with one.
        clock_offset_ms: recorder's clock less the venue's.

    Raises:
        InvalidSettings: a value is out of its range.
    """

    start_day: date
    days: int
    minutes_per_day: int
    signal_strength: float
    seed: int
    snapshot_every_s: int = 60
    clock_offset_ms: int = 0

    def __post_init__(self) -> None:
        _require(self.days >= 1, "days", self.days, "at least 1")
        _require(1 <= self.minutes_per_day <= DAY_MINUTES, "minutes_per_day", self.minutes_per_day, "1 to 1440")
        _require(0 <= self.signal_strength <= 1, "signal_strength", self.signal_strength, "0 to 1")
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        _require(self.snapshot_every_s >= 1, "snapshot_every_s", self.snapshot_every_s, "at least 1")

    def sessions(self) -> Iterator[tuple[date, int, int]]:
        """Yield each day with the begin and end of its session, ns since the epoch, by the recorder's clock."""
        for number in range(self.days):
            day = self.start_day + timedelta(days=number)
            start_ns = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
            yield day, start_ns, start_ns + self.minutes_per_day * MINUTE_NS


def _require(holds: bool, name: str, value: float, allowed: str) -> None:  # noqa: FBT001 - it is the assertion itself
    if not holds:
        raise InvalidSettings(f"simulate: {name} is {value}: it must be {allowed}")
