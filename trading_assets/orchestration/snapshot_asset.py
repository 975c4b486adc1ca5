"""The asset `data_snapshot`: everything that is published, under one name, and whole in a remote where one is set.

Belongs here: showing a snapshot to Dagster. Does not: taking or pushing one (storage/snapshots).
"""

from collections.abc import Iterator, Sequence
from hashlib import md5
from typing import Any, Final

import dagster as dg

from trading_assets.errors import CorruptObject, RemoteFailed, TradingAssetsError
from trading_assets.orchestration.assets import OWNER
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.snapshots.named import Snapshot
from trading_assets.storage.snapshots.remotes import Remotes
from trading_assets.storage.snapshots.snapshots import Snapshots
from trading_assets.storage.upkeep.audit import operating_user

NAME: Final = "data_snapshot"
ARE_WHOLE: Final = "changed_objects_are_whole"
IS_COMPLETE: Final = "remote_is_complete"


def data_snapshot(published: Sequence[str], settings: Settings) -> dg.AssetsDefinition:
    """Build the asset over all published ones; it has no partitions: each materialization is of one moment."""
    checks = {ARE_WHOLE: "every object that changed since the snapshot before has the bytes that were published"}
    if settings.snapshots.remote:
        checks[IS_COMPLETE] = f"every object was seen in the remote {settings.snapshots.remote}"

    @dg.asset(
        name=NAME,
        deps=list(published),
        group_name="ops",
        owners=[OWNER],
        kinds={"dvc"},
        code_version="1",
        description="Everything that is published at one moment, under one name that stock `dvc` understands.",
        check_specs=[
            dg.AssetCheckSpec(name, asset=NAME, description=what, blocking=True) for name, what in checks.items()
        ],
    )
    def asset(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> Iterator[Any]:
        snapshots = Snapshots(warehouse.lake)
        try:
            taken = snapshots.take(actor=operating_user())
        except CorruptObject as error:
            yield _judged(ARE_WHOLE, str(error))
            raise dg.Failure(description=str(error), allow_retries=False) from None
        except TradingAssetsError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        yield _judged(ARE_WHOLE)
        if remote := warehouse.settings.snapshots.remote:
            try:
                Remotes(warehouse.settings.root, snapshots).push(taken, remote)
            except RemoteFailed as error:
                yield _judged(IS_COMPLETE, str(error))
                raise dg.Failure(description=str(error), allow_retries=True) from None
            yield _judged(IS_COMPLETE)
        context.log.info("snapshot %s", taken.name)
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(md5(taken.text.encode(), usedforsecurity=False).hexdigest()),
            metadata=_said_of(taken),
        )

    return asset


def _judged(name: str, why: str | None = None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=why is None, check_name=name, asset_key=dg.AssetKey(NAME), metadata={"why": why} if why else {}
    )


def _said_of(taken: Snapshot) -> dict[str, Any]:
    columns = [dg.TableColumn("asset", "string"), *(dg.TableColumn(name, "int") for name in ("partitions", "bytes"))]
    records = [
        dg.TableRecord({"asset": out.asset, "partitions": out.n_files, "bytes": out.n_bytes}) for out in taken.outs
    ]
    return {
        "snapshot": taken.name,
        "partitions": taken.n_partitions,
        "bytes": taken.n_bytes,
        "assets": dg.MetadataValue.table(records, dg.TableSchema(columns)),
    }
