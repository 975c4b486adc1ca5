"""What the settings say may be removed by now, and removing it.

Belongs here: from days in the settings to what is due. Does not: what may go at all (retention, event_log).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

from trading_assets.orchestration.upkeep.event_log import removable_runs, remove_runs
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.upkeep.retention import (
    Removable,
    removable_objects,
    removable_refusals,
    remove_objects,
    remove_refusals,
)


def due(warehouse: Warehouse, instance: dg.DagsterInstance, now: datetime) -> list[Removable]:
    """Find everything that is older than the retention in the settings; nothing where that is null."""
    keep, lake = warehouse.settings.retention, warehouse.lake
    found: list[Removable] = []
    if keep.superseded_days:
        found += removable_objects(lake, now - timedelta(days=keep.superseded_days))
    if keep.quarantine_days:
        found += removable_refusals(lake, now - timedelta(days=keep.quarantine_days))
    if keep.event_log_days:
        home = warehouse.settings.dagster_home
        found += removable_runs(instance, lake.engine, home, now - timedelta(days=keep.event_log_days))
    return found


def tidy(
    warehouse: Warehouse, instance: dg.DagsterInstance, chosen: Sequence[Removable], now: datetime, *, actor: str
) -> list[Removable]:
    """Remove what was found due, where it still is; return what is gone."""
    keep, lake = warehouse.settings.retention, warehouse.lake
    by_kind = {kind: [each for each in chosen if each.kind == kind] for kind in ("object", "refused file", "run")}
    gone: list[Removable] = []
    if keep.superseded_days:
        gone += remove_objects(lake, by_kind["object"], now - timedelta(days=keep.superseded_days), actor=actor)
    gone += remove_refusals(lake, by_kind["refused file"], actor=actor)
    gone += remove_runs(instance, lake.engine, warehouse.settings.dagster_home, by_kind["run"], actor=actor)
    return gone
