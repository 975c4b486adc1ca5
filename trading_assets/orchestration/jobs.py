"""Jobs a person can launch over partitions from the UI.

Belongs here: which assets run together. Does not: when (schedules and sensors).
"""

from typing import Final

import dagster as dg

MAX_RUNTIME_S: Final = 6 * 3600

JOBS: Final = (
    dg.define_asset_job(
        "whole_graph",
        selection=dg.AssetSelection.all(),
        description="Everything from captures to forecasts, for one partition or a backfill of many.",
        tags={"dagster/max_runtime": str(MAX_RUNTIME_S)},
    ),
)
