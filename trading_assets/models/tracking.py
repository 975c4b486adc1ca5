"""MLflow through dagster-mlflow: a parent run for each Dagster run, a nested run for each tracked partition.

dagster-mlflow's own resource opens a run when it is made and leaves its end to a hook, so failures end as finished
or stay open. Here the resource is made when a step is first tracked (MLflow takes seconds to import), and both
runs are ended by the block that used them, with the truth.

MLflow holds copies; the catalogue holds the truth. So a step goes on, with a warning, where MLflow cannot be
reached: what was published stays published, and running the partition again logs it.

Belongs here: MLflow's store, and what a step does with and without it.
Does not: what is said to MLflow (mlflow_run.py).
"""

import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from loguru import logger
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from trading_assets.models.commit import code_commit
from trading_assets.models.mlflow_run import FAILED, FINISHED, StepRun
from trading_assets.settings import Settings

T = TypeVar("T")


@dataclass(slots=True)
class TrackedRun:
    """The MLflow run of one step while it is executed; records nothing where MLflow could not be reached."""

    registered_name: str
    log: Any
    opened: StepRun | None = None
    status: str = FINISHED

    def record(self, versions: Mapping[str, str], content: bytes | None, *, refusal: str | None) -> None:
        """Log what a step made: the model document, its plot, numbers and md5; or why it was refused.

        Args:
            versions: tags of where the model came from; `model_version` is its md5.
            content: the published document, None when it was refused.
            refusal: the gate's reason.
        """
        if content is None:
            self.status = FAILED

        def say(run: StepRun) -> None:
            run.tag(versions if refusal is None else {**versions, "refusal": refusal})
            if content is not None:
                run.log_document(content)
                run.register(self.registered_name, versions["model_version"])

        self._attempt(say)

    def fail(self, error: BaseException) -> None:
        """Note that the step raised, and what."""
        self.status = FAILED
        self._attempt(lambda run: run.tag({"error": f"{type(error).__name__}: {error}"}))

    def end(self) -> None:
        """End the run and its parent."""
        self._attempt(lambda run: run.end(self.status))

    def _attempt(self, say: Callable[[StepRun], None]) -> None:
        run = self.opened
        if run is None:
            return

        def said() -> bool:
            say(run)
            return True

        if not _tolerant(said, self.log):
            self.status = FAILED  # a copy that is not whole must not look as if it were


@dataclass(frozen=True, slots=True)
class Tracker:
    """Opens tracked runs; imports MLflow when the first is opened."""

    settings: Settings

    @contextmanager
    def run(self, context: Any, *, asset: str, partition: Any) -> Iterator[TrackedRun]:  # noqa: ANN401 - Dagster's context, which this module does not import
        """Track one step of one partition; both runs end FAILED if the block raises or its model was refused."""
        # Not `dagster_run_id`: by that tag dagster-mlflow finds the parent again.
        tags = {"asset": asset, "partition": str(partition), "dagster.run_id": context.run.run_id}
        if commit := code_commit():
            tags["code_commit"] = commit
        run = TrackedRun(f"{asset}.{partition.instrument}", context.log)
        run.opened = _tolerant(lambda: StepRun.open(self._resource(context), f"{asset} {partition}", tags), run.log)
        try:
            yield run
        except BaseException as error:
            run.fail(error)
            raise
        finally:
            run.end()

    def _resource(self, context: Any) -> Any:  # noqa: ANN401 - dagster-mlflow's dynamic class
        """Make dagster-mlflow's resource for a Dagster run: its MLflow run is opened, or taken up again."""
        prepare_store(self.settings)
        prepare_environment()
        uri = tracking_uri(self.settings)
        _ensure_reachable(uri)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dagster_mlflow.resources import MlFlow  # noqa: PLC0415 - imports MLflow

            _ensure_experiment(uri, self.settings)
            return MlFlow(
                SimpleNamespace(
                    log=context.log,
                    run_id=context.run.run_id,
                    dagster_run=context.run,
                    resource_config={
                        "experiment_name": self.settings.tracking.experiment,
                        "mlflow_tracking_uri": uri,
                        "env": {},
                        "extra_tags": {},
                    },
                )
            )


def tracking_uri(settings: Settings) -> str:
    """Return MLflow's store; a relative SQLite path is taken from the project's root."""
    uri = settings.tracking.uri.get_secret_value()
    if not uri.startswith("sqlite:"):
        return uri
    url = make_url(uri)
    return str(url.set(database=str(settings.path(Path(url.database or "")))))


def prepare_store(settings: Settings) -> None:
    """Make a local store and the experiment with its place for artifacts; a store that is there is left alone.

    It is made aside and linked into place, so that a crash half-way leaves none, and of two processes that make
    it at once the first wins.
    """
    path = _local_store(settings)
    if path is None or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    prepare_environment()
    try:
        _ensure_experiment(f"sqlite:///{aside}", settings)
        path.hardlink_to(aside)
    except FileExistsError:
        return
    finally:
        aside.unlink(missing_ok=True)


def _local_store(settings: Settings) -> Path | None:
    uri = tracking_uri(settings)
    return Path(make_url(uri).database or "") if uri.startswith("sqlite:") else None


def _ensure_experiment(uri: str, settings: Settings) -> None:
    """Make the experiment where there is none: MLflow's default would put artifacts into the working directory."""
    from mlflow import MlflowClient  # noqa: PLC0415 - takes seconds
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - takes seconds

    client, name = MlflowClient(uri), settings.tracking.experiment
    if client.get_experiment_by_name(name) is not None:
        return
    place = None if uri.startswith("http") else settings.path(settings.tracking.artifacts).as_uri()
    try:
        client.create_experiment(name, artifact_location=place)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _ensure_reachable(uri: str) -> None:
    """Fail at once on a database that is not there: MLflow would try again for more than a minute."""
    if not uri.startswith("http"):
        engine = create_engine(uri)
        try:
            inspect(engine).get_table_names()
        finally:
            engine.dispose()


def prepare_environment() -> None:
    """Tell MLflow, before it is imported, not to phone home, never to load a pickle, to be brief and not to wait."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def _tolerant(say: Callable[[], T], log: Any) -> T | None:  # noqa: ANN401 - Dagster's log manager
    try:
        return say()
    except Exception as error:  # noqa: BLE001 - MLflow, its database drivers and its HTTP client each raise their own
        words = " ".join(str(error).split())[:300]
        told = f"MLflow did not record this step, which goes on without it: {type(error).__name__}: {words}"
        log.warning(told)
        logger.warning("{}", told)
        return None
