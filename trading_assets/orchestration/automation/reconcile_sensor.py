"""The sensor that keeps looking for what crashes left and for what is late.

Belongs here: Dagster's view of it. Does not: the looking (reconcile, watch).
"""

from typing import Final

import dagster as dg

from trading_assets.orchestration.upkeep.reconcile import Repairs, reconcile
from trading_assets.orchestration.upkeep.watch import watch
from trading_assets.orchestration.warehouse import Warehouse

INTERVAL_S: Final = 60


def reconcile_sensor() -> dg.SensorDefinition:
    """Build the sensor; it asks for no runs, so it alone is switched on from the start."""

    @dg.sensor(name="reconcile", minimum_interval_seconds=INTERVAL_S, default_status=dg.DefaultSensorStatus.RUNNING)
    def reconcile_stores(context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.SkipReason:
        """Fail runs whose process is gone, record what is published, and tell of late partitions and stuck runs."""
        watch(context.instance, warehouse)
        return dg.SkipReason(in_words(reconcile(context.instance, warehouse)))

    return reconcile_stores


def in_words(repairs: Repairs) -> str:
    """Say in a line what was put right."""
    done = {
        "runs without a process failed": len(repairs.dead_runs),
        "published versions recorded": len(repairs.reported),
        "open MLflow runs ended": len(repairs.ended_in_mlflow),
        "undelivered alerts sent again": int(repairs.alerts_resent),
    }
    return ", ".join(f"{n} {what}" for what, n in done.items() if n) or "nothing had to be put right"
