"""The MLflow run of one tracked step, nested under the run that dagster-mlflow keeps for its Dagster run.

Everything is said to MLflow by run id through its client: MLflow's idea of an "active" run is global to a thread,
and leaving a `with` block would end whichever run is on top.

Belongs here: calls to MLflow, all of which may raise. Does not: what happens to the step when they do (tracking.py).
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trading_assets.models.document import ModelDocument
from trading_assets.models.plots import model_plot
from trading_assets.schema import horizon

FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
PARENT: Final = "mlflow.parentRunId"
MD5: Final = "md5"
DOCUMENT_NAME: Final = "model.json"
_MEASURES: Final = ("mse", "r2", "r2_low", "r2_high", "correlation", "hit_rate")
_LONGEST_TAG: Final = 5000


@dataclass(frozen=True, slots=True)
class StepRun:
    """An open run nested under `parent_id`; `resource` is dagster-mlflow's, which holds the parent open."""

    resource: Any
    client: Any
    experiment_id: str
    parent_id: str
    run_id: str

    @classmethod
    def open(cls, resource: Any, name: str, tags: Mapping[str, str]) -> "StepRun":  # noqa: ANN401 - dagster-mlflow's dynamic class
        """Open a run under the one that dagster-mlflow opened, or took up again, for the Dagster run."""
        client, experiment = resource.tracking_client, resource.experiment.experiment_id
        parent = resource.active_run().info.run_id
        try:
            run = client.create_run(experiment, run_name=name, tags={**tags, PARENT: parent})
        except BaseException:  # the parent is open by now: whatever stops us, it must not be left so
            resource.end_run(FAILED)
            raise
        return cls(resource, client, experiment, parent, run.info.run_id)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags, each cut to the length that MLflow stores."""
        from mlflow.entities import RunTag  # noqa: PLC0415 - takes seconds

        self.client.log_batch(self.run_id, tags=[RunTag(name, value[:_LONGEST_TAG]) for name, value in tags.items()])

    def log_document(self, content: bytes) -> None:
        """Log a model's parameters, its scores, its bytes and its picture."""
        from mlflow.entities import Metric, Param  # noqa: PLC0415 - takes seconds

        document, now_ms = ModelDocument.from_bytes(content), time.time_ns() // 1_000_000
        self.client.log_batch(
            self.run_id,
            metrics=[Metric(name, value, now_ms, 0) for name, value in metrics(document)],
            params=[Param(name, str(value)) for name, value in document.parameters.items()],
        )
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / DOCUMENT_NAME).write_bytes(content)
            (Path(folder) / "model.png").write_bytes(model_plot(document))
            self.client.log_artifacts(self.run_id, folder)

    def register(self, name: str, md5: str) -> None:
        """Make the logged document a version of a registered model; the same md5 twice is one version."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - takes seconds

        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        if not self.client.search_model_versions(f"name = '{name}' and tags.{MD5} = '{md5}'"):
            artifacts = self.client.get_run(self.run_id).info.artifact_uri
            source = f"{artifacts}/{DOCUMENT_NAME}"
            self.client.create_model_version(name, source, run_id=self.run_id, tags={MD5: md5})

    def end(self, status: str) -> None:
        """End this run, then its parent: failed if any run under it failed, whichever step ends last."""
        try:
            self.client.set_terminated(self.run_id, status)
        finally:
            failed = self.client.search_runs(
                [self.experiment_id],
                f"tags.`{PARENT}` = '{self.parent_id}' and attributes.status = '{FAILED}'",
                max_results=1,
            )
            self.resource.end_run(FAILED if failed else FINISHED)


def metrics(document: ModelDocument) -> Iterator[tuple[str, float]]:
    """Name every defined score as `booster_10s_r2`, and how the model fares as `is_better_than_naive_10s`."""
    for model in document.horizons:
        spelled = horizon(model.horizon_s)
        yield f"is_better_than_naive_{spelled}", float(model.is_better_than_naive)
        for learner, score in model.evaluation.scores.items():
            for measure in _MEASURES:
                value = getattr(score, measure)
                if value is not None:
                    yield f"{learner}_{spelled}_{measure}", value
