"""MLflow through dagster-mlflow: a parent run for each Dagster run, a nested run for each tracked partition.

dagster-mlflow's own resource opens a run when it is made and leaves its end to a hook, so failures end as finished
or stay open. Here the resource is made when a step is first tracked (MLflow takes seconds to import), and both
runs are ended by the block that used them, with the truth.

Belongs here: runs, what is logged to them, and the registry. Does not: training, or what a model is worth.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy.engine import make_url

from trading_assets.models.document import ModelDocument
from trading_assets.models.plots import model_plot
from trading_assets.settings import Settings

FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"


@dataclass(slots=True)
class TrackedRun:
    """A nested MLflow run while its step is executed."""

    run_id: str
    mlflow: Any
    registered_name: str
    refusal: str | None = field(default=None)

    def record(self, versions: Mapping[str, str], content: bytes | None, *, refusal: str | None) -> None:
        """Log what a step made: the model document, its plot, numbers and md5; or why it was refused.

        Args:
            versions: tags of where the model came from.
            content: the published document, None when it was refused.
            refusal: the gate's reason.
        """
        self.mlflow.set_tags(dict(versions))
        if content is None:
            self.refusal = refusal
            self.mlflow.set_tag("refusal", (refusal or "")[:5000])
            return
        document = ModelDocument.from_bytes(content)
        self.mlflow.log_params(dict(document.parameters))
        self.mlflow.log_metrics(dict(_metrics(document)))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.json").write_bytes(content)
            (Path(folder) / "model.png").write_bytes(model_plot(document))
            self.mlflow.log_artifacts(folder)
        self._register(versions["model_version"])

    def _register(self, md5: str) -> None:
        """Make the document a version in the registry; the same md5 twice is one version."""
        client = self.mlflow.MlflowClient()
        if not client.search_registered_models(f"name = '{self.registered_name}'"):
            client.create_registered_model(self.registered_name)
        known = client.search_model_versions(f"name = '{self.registered_name}' and tags.md5 = '{md5}'")
        if not known:
            client.create_model_version(
                self.registered_name,
                source=f"{self.mlflow.get_artifact_uri()}/model.json",
                run_id=self.run_id,
                tags={"md5": md5},
            )


@dataclass(frozen=True, slots=True)
class Tracker:
    """Opens tracked runs; imports MLflow when the first is opened."""

    settings: Settings

    @contextmanager
    def run(self, context: Any, *, asset: str, partition: Any) -> Iterator[TrackedRun]:  # noqa: ANN401 - Dagster's context, which this module does not import
        """Track one step of one partition; both runs end FAILED if the block raises or its model was refused."""
        mlflow = self._resource(context)
        parent_failed = False
        try:
            with _nested(mlflow, f"{asset} {partition}") as nested:
                run = TrackedRun(nested.info.run_id, mlflow, f"{asset}.{partition.instrument}")
                mlflow.set_tags({"asset": asset, "partition": str(partition), "dagster_run_id": context.run_id})
                yield run
                if run.refusal is not None:
                    mlflow.end_run(FAILED)
                    parent_failed = True
        except BaseException:
            parent_failed = True
            raise
        finally:
            mlflow.end_run(FAILED if parent_failed else FINISHED)

    def _resource(self, context: Any) -> Any:  # noqa: ANN401 - dagster-mlflow's dynamic class
        """Make dagster-mlflow's resource for a Dagster run: its MLflow run is opened, or taken up again."""
        _prepare_environment()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dagster_mlflow.resources import MlFlow  # noqa: PLC0415 - imports MLflow

        store = self.settings.tracking
        return MlFlow(
            SimpleNamespace(
                log=context.log,
                run_id=context.run_id,
                dagster_run=context.run,
                resource_config={
                    "experiment_name": store.experiment,
                    "mlflow_tracking_uri": tracking_uri(self.settings),
                    "env": {},
                    "extra_tags": {},
                },
            )
        )


def tracking_uri(settings: Settings) -> str:
    """Return MLflow's store; a relative SQLite path is taken from the project's root."""
    url = make_url(settings.tracking.uri.get_secret_value())
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(settings.path(Path(url.database))))
    return url.render_as_string(hide_password=False)


def prepare_store(settings: Settings) -> None:
    """Make a local store and the experiment with its place for artifacts; a store that is there is left alone.

    It is made aside and renamed, so that a crash half-way leaves none.
    """
    url = make_url(tracking_uri(settings))
    if url.get_backend_name() != "sqlite" or url.database is None or Path(url.database).exists():
        return
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    _prepare_environment()
    from mlflow import MlflowClient  # noqa: PLC0415 - takes seconds

    client = MlflowClient(f"sqlite:///{aside}")
    artifacts = settings.path(settings.tracking.artifacts)
    client.create_experiment(settings.tracking.experiment, artifact_location=artifacts.as_uri())
    aside.rename(path)


def _prepare_environment() -> None:
    """Tell MLflow, before it is imported, not to phone home and never to load a pickle."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


@contextmanager
def _nested(mlflow: Any, name: str) -> Iterator[Any]:  # noqa: ANN401 - MLflow is imported late
    with mlflow.start_run(run_name=name, nested=True) as run:
        yield run


def _metrics(document: ModelDocument) -> Iterator[tuple[str, float]]:
    for model in document.horizons:
        for learner, score in model.evaluation.scores.items():
            for measure in ("mse", "r2", "r2_low", "r2_high", "correlation", "hit_rate"):
                value = getattr(score, measure)
                if value is not None:
                    yield f"{learner}_{model.horizon_s:g}s_{measure}", value
