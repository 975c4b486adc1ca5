import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger
from mlflow import MlflowClient
from pydantic import SecretStr
from tracked import DOCUMENT, MD5, ORIGIN, PARTITION, Tracked, crash, ignore, publish, refuse, run_steps, runs_of

from trading_assets.models.commit import code_commit
from trading_assets.models.tracking import prepare_store, tracking_uri
from trading_assets.sections import TrackingSettings
from trading_assets.settings import Settings, load_settings

PROJECT = Path(__file__).resolve().parents[2]
Published = tuple[Tracked, Tracked]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = settings_in(tmp_path_factory.mktemp("tracking"))
    prepare_store(settings)
    return settings


@pytest.fixture(scope="module")
def published(store: Settings) -> Published:
    parent, under = runs_of(store, run_steps(store, model=publish).run_id)
    return parent, under["model"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert [] == [path.name for path in tmp_path.iterdir() if path.name.startswith("mlruns")]


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(message.record["message"]), level="WARNING")
    yield heard
    logger.remove(sink)


def settings_in(root: Path, **tracking: object) -> Settings:
    settings = load_settings(PROJECT, environment="development").model_copy(update={"root": root})
    return settings.model_copy(update={"tracking": TrackingSettings.model_validate(tracking)})


def versions_of(settings: Settings, asset: str) -> list[dict[str, str]]:
    client = MlflowClient(tracking_uri(settings))
    return [version.tags for version in client.search_model_versions(f"name = '{asset}.BTCUSDT.BINANCE'")]


def test_a_published_model_is_a_finished_run_under_a_finished_parent(published: Published) -> None:
    parent, model = published

    assert ("FINISHED", "FINISHED") == (parent.status, model.status)
    assert parent.run_id == model.tags["mlflow.parentRunId"]


def test_a_run_carries_where_it_came_from(published: Published) -> None:
    parent, model = published
    expected = {"asset": "model", "partition": str(PARTITION), "dagster.run_id": parent.tags["dagster_run_id"]}

    assert {**ORIGIN, **expected}.items() <= model.tags.items()
    assert code_commit() == model.tags.get("code_commit")


def test_a_run_holds_numbers_parameters_and_the_very_bytes(published: Published) -> None:
    _, model = published

    assert {"booster_1s_r2", "linear_10s_mse", "is_better_than_naive_10s"} <= set(model.metrics)
    assert "20" == model.params["n_estimators"]
    assert DOCUMENT == (model.artifacts / "model.json").read_bytes()
    assert (model.artifacts / "model.png").read_bytes().startswith(b"\x89PNG")


def test_artifacts_lie_where_the_settings_say(published: Published, store: Settings) -> None:
    assert published[1].artifacts.is_relative_to(store.root / "var" / "mlflow" / "artifacts")


def test_a_refused_model_is_a_failed_run_that_says_why(store: Settings) -> None:
    parent, under = runs_of(store, run_steps(store, refused=refuse).run_id)

    assert ("FAILED", "FAILED") == (parent.status, under["refused"].status)
    assert "model: n_rows is 3" == under["refused"].tags["refusal"]
    assert [] == versions_of(store, "refused")


def test_a_step_that_raises_is_a_failed_run_that_says_why(store: Settings) -> None:
    result = run_steps(store, model=crash)
    parent, under = runs_of(store, result.run_id)

    assert not result.success
    assert ("FAILED", "FAILED") == (parent.status, under["model"].status)
    assert "ValueError: the disk is full" == under["model"].tags["error"]


@pytest.mark.parametrize(("first", "second"), [(crash, publish), (refuse, crash)])
def test_a_parent_has_failed_if_any_of_its_steps_did(store: Settings, first: object, second: object) -> None:
    parent, under = runs_of(store, run_steps(store, a=first, b=second).run_id)  # type: ignore[arg-type]  # parametrized

    assert {"a": first is publish, "b": second is publish} == {n: run.status == "FINISHED" for n, run in under.items()}
    assert "FAILED" == parent.status


def test_steps_of_one_dagster_run_share_a_parent(store: Settings) -> None:
    parent, under = runs_of(store, run_steps(store, a=ignore, b=ignore).run_id)

    assert {"a", "b"} == set(under)
    assert "FINISHED" == parent.status


def test_no_run_stays_active_after_a_step(store: Settings) -> None:
    import mlflow  # noqa: PLC0415 - imported by the step, with our environment

    run_steps(store, a=ignore, b=crash)

    assert mlflow.active_run() is None


def test_the_same_model_twice_is_one_registered_version(store: Settings) -> None:
    run_steps(store, twice=publish)
    run_steps(store, twice=publish)

    assert [{"md5": MD5}] == versions_of(store, "twice")


def test_another_experiment_in_the_same_store_gets_the_same_place(store: Settings) -> None:
    other = settings_in(store.root, experiment="another")
    _, under = runs_of(other, run_steps(other, model=ignore).run_id)

    assert under["model"].artifacts.is_relative_to(store.root / "var" / "mlflow" / "artifacts")


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:9", "postgresql+nodriver://nobody@127.0.0.1:9/none", "sqlite:////proc/none/mlflow.sqlite"],
)
def test_without_mlflow_a_step_goes_on_and_warns(
    uri: str, store: Settings, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    lost = store.model_copy(update={"tracking": TrackingSettings(uri=SecretStr(uri))})

    assert run_steps(lost, model=publish).success
    assert not run_steps(lost, model=crash).success
    assert ["MLflow did not record this step"] * 2 == [text[:31] for text in warnings]


def test_a_copy_that_is_not_whole_is_a_failed_run_of_a_step_that_succeeded(store: Settings) -> None:
    result = run_steps(store, torn=lambda run: run.record(ORIGIN, DOCUMENT[:-9], refusal=None))
    parent, under = runs_of(store, result.run_id)

    assert result.success
    assert ("FAILED", "FAILED") == (parent.status, under["torn"].status)


def test_a_store_is_made_once_with_nothing_left_beside_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    prepare_store(settings)
    (store,) = (tmp_path / "var" / "mlflow").iterdir()
    made = store.stat()
    prepare_store(settings)

    assert (made.st_ino, made.st_mtime_ns) == (store.stat().st_ino, store.stat().st_mtime_ns)


def test_of_two_processes_that_make_the_store_at_once_one_wins(tmp_path: Path) -> None:
    forking = multiprocessing.get_context("fork")  # MLflow is imported already, which takes seconds
    makers = [forking.Process(target=prepare_store, args=(settings_in(tmp_path),)) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert [0, 0] == [maker.exitcode for maker in makers]
    assert ["mlflow.sqlite"] == [path.name for path in (tmp_path / "var" / "mlflow").iterdir()]
    assert run_steps(settings_in(tmp_path), model=ignore).success


def test_a_store_that_is_there_is_found_without_importing_mlflow(store: Settings) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from trading_assets.models.tracking import prepare_store\n"
        "from trading_assets.settings import Settings\n"
        f"prepare_store(Settings(root=Path({str(store.root)!r}), environment='development'))\n"
        "print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)

    assert "False" == done.stdout.strip()


def test_mlflow_neither_phones_home_nor_loads_pickles(store: Settings) -> None:
    run_steps(store, model=ignore)

    assert "true" == os.environ["MLFLOW_DISABLE_TELEMETRY"]
    assert "false" == os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"]


def test_mlflow_says_nothing_while_all_is_well(store: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    run_steps(store, quiet=publish)

    assert "mlflow" not in capfd.readouterr().err.replace("Starting a new mlflow run", "")
