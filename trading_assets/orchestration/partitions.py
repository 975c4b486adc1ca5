"""Partitions: a UTC day of an instrument, and how a step's window of days maps onto them.

Belongs here: Dagster's view of partitions. Does not: parsing keys (identifiers), which days are expected (plan).
"""

import warnings
from typing import Final

import dagster as dg

from trading_assets.orchestration.days import Days
from trading_assets.settings import Settings

INSTRUMENTS: Final = dg.DynamicPartitionsDefinition(name="instrument")


def daily_by_instrument(settings: Settings) -> dg.MultiPartitionsDefinition:
    """One partition a UTC day and instrument, from the configured first day to today."""
    days = dg.DailyPartitionsDefinition(
        start_date=settings.partitions.start_day.isoformat(), timezone="UTC", end_offset=1
    )
    return dg.MultiPartitionsDefinition({"day": days, "instrument": INSTRUMENTS})


def window(days: Days) -> dg.PartitionMapping:
    """Map a partition onto the same instrument's window of upstream days."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # said once here rather than at every load: we rely on it
        by_day = dg.TimeWindowPartitionMapping(
            start_offset=days.first, end_offset=days.last, allow_nonexistent_upstream_partitions=True
        )
        return dg.MultiPartitionMapping(
            {
                "day": dg.DimensionPartitionMapping("day", by_day),
                "instrument": dg.DimensionPartitionMapping("instrument", dg.IdentityPartitionMapping()),
            }
        )
