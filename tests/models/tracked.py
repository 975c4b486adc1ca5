"""A Dagster run whose one asset, or two, is tracked; and what MLflow then knows."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from mlflow import MlflowClient
from model_days import trained

from trading_assets.identifiers import Partition
from trading_assets.models.tracking import Tracker, tracking_uri
from trading_assets.settings import Settings

PARTITION = Partition.parse("2024-08-10|BTCUSDT.BINANCE")
DOCUMENT = trained().to_bytes()
MD5 = hashlib.md5(DOCUMENT, usedforsecurity=False).hexdigest()
ORIGIN = {
    "model_version": MD5,
    "code_version": "1",
    "settings_digest": "0123456789abcdef",
    "input.labels.2024-08-08": "d41d8cd98f00b204e9800998ecf8427e",
}


@dataclass(frozen=True)
class Tracked:
    """One MLflow run, as the store knows it."""

    run_id: str
    status: str
    tags: dict[str, str]
    metrics: dict[str, float]
    params: dict[str, str]
    artifacts: Path


def publish(run: Any) -> None:
    run.record(ORIGIN, DOCUMENT, refusal=None)


def refuse(run: Any) -> None:
    run.record({}, None, refusal="model: n_rows is 3")


def ignore(_: Any) -> None:
    """Record nothing, as a step does that ends well before it."""


def crash(_: Any) -> None:
    raise ValueError("the disk is full")


def tracked_step(tracker: Tracker, name: str, block: Callable[[Any], None]) -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def asset(context: dg.AssetExecutionContext) -> None:
        with tracker.run(context, asset=name, partition=PARTITION) as run:
            block(run)

    return asset


def run_steps(settings: Settings, **blocks: Callable[[Any], None]) -> dg.ExecuteInProcessResult:
    steps = [tracked_step(Tracker(settings), name, block) for name, block in blocks.items()]
    return dg.materialize(steps, raise_on_error=False)


def runs_of(settings: Settings, dagster_run_id: str) -> tuple[Tracked, dict[str, Tracked]]:
    """Return the parent, and the runs under it by asset."""
    client = MlflowClient(tracking_uri(settings))
    experiment = client.get_experiment_by_name(settings.tracking.experiment)
    assert experiment is not None
    (parent,) = client.search_runs([experiment.experiment_id], f"tags.dagster_run_id = '{dagster_run_id}'")
    under = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return _tracked(parent), {run.data.tags["asset"]: _tracked(run) for run in under}


def _tracked(run: Any) -> Tracked:
    place = Path(run.info.artifact_uri.removeprefix("file://"))
    return Tracked(run.info.run_id, run.info.status, run.data.tags, run.data.metrics, run.data.params, place)
