"""Jobs a person can launch over partitions from the UI.

Belongs here: which assets run together. Does not: when (schedules and sensors).
"""

import dagster as dg

MAX_RUNTIME_S = 6 * 3600


def jobs() -> list[dg.unresolved_asset_job_definition.UnresolvedAssetJobDefinition]:
    """One job for the whole graph of a partition."""
    return [
        dg.define_asset_job(
            "whole_graph",
            selection=dg.AssetSelection.all(),
            description="Everything from captures to forecasts for one partition or a backfill of many.",
            tags={"dagster/max_runtime": str(MAX_RUNTIME_S)},
        )
    ]
