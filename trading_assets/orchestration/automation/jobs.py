"""Jobs beside the assets: what has to run as a process of its own and makes no partition by itself.

Belongs here: ops and the jobs of them. Does not: when they run (sensors), what they do (arrivals).
"""

from pathlib import Path
from typing import Final

import dagster as dg

from trading_assets.errors import TradingAssetsError
from trading_assets.orchestration.automation.arrivals import take
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.telemetry.alerts import Kind, raise_alert

ARRIVAL: Final = "trading_assets/arrival"
"""Tag of a run that an arrival is the reason for: what arrived, as a digest."""


class Arrival(dg.Config):
    """A file that arrived."""

    path: str


@dg.op
def import_file(context: dg.OpExecutionContext, config: Arrival, warehouse: dg.ResourceParam[Warehouse]) -> None:
    """Land the lines of one file by day and instrument; runs of their own publish the captures they belong to."""
    try:
        brought = take(Path(config.path), warehouse)
    except TradingAssetsError as error:
        raise_alert(
            Kind.IMPORT_REFUSED,
            f"{config.path} {context.run.tags.get(ARRIVAL, '')}",
            f"{error} (the file lies in refused/ of the arrivals)",
            engine=warehouse.lake.engine,
            settings=warehouse.settings,
        )
        raise dg.Failure(description=str(error), allow_retries=False) from None
    context.add_output_metadata(
        {
            "n_lines": brought.n_lines,
            "partitions": ", ".join(str(partition) for partition in brought.partitions),
            "damage": brought.damage or "none",
        }
    )


@dg.job(description="Import one recording that arrived in the folder `backfill.arrivals`.")
def import_recording() -> None:
    """Import one recording."""
    import_file()


JOBS: Final = (import_recording,)
