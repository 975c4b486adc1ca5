"""The asset `served_tables`: what consumers query, brought to what stands.

Belongs here: showing it to Dagster. Does not: loading (serving), when it runs (automation).
"""

from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from trading_assets.errors import CatalogFailed, TradingAssetsError
from trading_assets.orchestration.assets import OWNER
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.serving.names import SERVED_ASSETS

NAME: Final = "served_tables"
FOLLOWS: Final = "every_standing_partition_is_served"


def served_tables() -> dg.AssetsDefinition:
    """Build the asset over all that is served; it has no partitions: each materialization loads what is behind."""

    @dg.asset(
        name=NAME,
        deps=SERVED_ASSETS,
        group_name="ops",
        owners=[OWNER],
        kinds={"sql"},
        code_version="1",
        description="The tables that consumers query, brought to the versions that stand, a partition a transaction.",
        check_specs=[
            dg.AssetCheckSpec(
                FOLLOWS, asset=NAME, description="no partition stands in another version than is served", blocking=True
            )
        ],
    )
    def asset(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> Iterator[Any]:
        from trading_assets.serving.due import due  # noqa: PLC0415 - Postgres' types take a tenth of a second
        from trading_assets.serving.load import load  # noqa: PLC0415 - see above

        waiting, n_rows = due(warehouse.lake.engine), 0
        failures: dict[str, str] = {}
        for n, each in enumerate(waiting, 1):
            what = f"{each.asset} of {each.partition}"
            try:
                n_rows += load(warehouse.lake, each.asset, each.partition).n_rows
            except CatalogFailed as error:
                raise dg.Failure(description=str(error), allow_retries=True) from None
            except TradingAssetsError as error:  # one that cannot be served must not keep the others
                failures[what] = str(error)
            context.log.info("%d/%d %s: %s", n, len(waiting), what, failures.get(what, "served"))
        told = "\n".join(f"- {what}: {why}" for what, why in failures.items())
        yield dg.AssetCheckResult(
            passed=not failures,
            check_name=FOLLOWS,
            asset_key=dg.AssetKey(NAME),
            metadata={"why": dg.MetadataValue.md(told)} if failures else {},
        )
        if failures:
            raise dg.Failure(
                description=f"{len(failures)} of {len(waiting)} partitions were not loaded, the others were:\n{told}",
                allow_retries=False,
            )
        yield dg.MaterializeResult(metadata={"partitions": len(waiting), "rows": n_rows})

    return asset
