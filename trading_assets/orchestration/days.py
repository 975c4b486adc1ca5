"""Which days of an upstream a step reads, and whether enough of them are published.

Belongs here: windows of days. Does not: what is published (moment, storage/lake) or Dagster's mappings (partitions).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Partition


@dataclass(frozen=True, slots=True)
class Days:
    """Which days of an upstream a step reads, as offsets from its own day."""

    first: int = 0
    last: int = 0
    min_coverage: float = 1.0
    """Share of the registered days in the window that must be published."""

    def around(self, day: date) -> list[date]:
        """List the days of the window, earliest first."""
        return [day + timedelta(days=offset) for offset in range(self.first, self.last + 1)]


def ensure_covered(
    name: str, days: Days, partition: Partition, *, wanted: Sequence[date], found: Container[date]
) -> None:
    """Refuse a partition whose upstream is not published on enough of the days that its window wants.

    Args:
        name: the upstream asset.
        days: the window.
        partition: whose window it is.
        wanted: the registered days of the window.
        found: the days on which the upstream is published.

    Raises:
        NotPublished: the message names a day that is missing and the command that would make it.
    """
    missing = [day for day in wanted if day not in found]
    if not wanted:
        around = days.around(partition.day)
        raise NotPublished(
            f"{name} of {partition.instrument} has no recorded day from {around[0]} to {around[-1]}: "
            "record one with `trading-assets import` or `trading-assets simulate`"
        )
    is_own_day_missing = days.last >= 0 and partition.day not in wanted
    covered = 1 - len(missing) / len(wanted)
    if is_own_day_missing or covered < days.min_coverage or len(missing) == len(wanted):
        absent = partition.on(missing[0]) if missing else partition
        raise NotPublished(
            f"{name} of {absent} is not published: make it with `trading-assets run "
            f"--instrument {absent.instrument} --start {absent.day} --end {absent.day}`"
        )
