"""MLflow's runs that a killed process left open: found by a plain query, ended through MLflow.

Belongs here: finding and ending them. Does not: which Dagster runs are over (orchestration/upkeep/reconcile).
Source of the tables: MLflow's own schema, of which only run id, status and tags are read.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, create_engine, inspect, text

from trading_assets.models.tracking import prepare_environment, tracking_uri
from trading_assets.settings import Settings

KILLED: Final = "KILLED"
TAGS: Final = ("dagster.run_id", "dagster_run_id")
"""Of our nested runs, and of the parents that dagster-mlflow keeps."""
_OPEN: Final = text(
    "SELECT runs.run_uuid, tags.value FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid "
    "WHERE runs.status = 'RUNNING' AND tags.key IN :keys"
).bindparams(bindparam("keys", TAGS, expanding=True))


def open_runs(settings: Settings) -> dict[str, str]:
    """Return MLflow's open runs, each with the Dagster run it belongs to; none where the store is a server.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store cannot be read.
    """
    uri = tracking_uri(settings)
    if uri.startswith("http"):
        return {}
    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("runs"):
                return {}
            return {str(run): str(of) for run, of in connection.execute(_OPEN)}
    finally:
        engine.dispose()


def end_runs(settings: Settings, run_ids: Collection[str]) -> None:
    """End MLflow runs as killed; children first does not matter, because neither waits for the other."""
    prepare_environment()
    from mlflow import MlflowClient  # noqa: PLC0415 - takes seconds

    client = MlflowClient(tracking_uri(settings))
    for run_id in run_ids:
        client.set_terminated(run_id, KILLED)
