"""The graph as DVC's stages, by stock `dvc`, beside Dagster in one environment."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from trading_assets.definitions import STEPS
from trading_assets.experiments.manifest import manifest_path
from trading_assets.orchestration.step import Step
from trading_assets.settings import default_settings

PROJECT = Path(__file__).resolve().parents[1]
STAGES: Mapping[str, Any] = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]


def test_dvc_and_dagster_share_an_environment_in_which_selections_parse() -> None:
    assert "key" in str(dg.AssetSelection.from_string('key:"book_features"+'))


def test_every_step_is_a_stage_and_no_other() -> None:
    assert ["recordings", *(step.name for step in STEPS)] == list(STAGES)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stage_depends_on_what_its_step_does(step: Step) -> None:
    stage = STAGES[step.name]
    asked = set(step.inputs(default_settings(PROJECT)))
    deps = {Path(dep) for dep in stage["deps"]}

    assert f"trading-assets stage {step.name}" == stage["cmd"]
    assert {manifest_path(maker) for maker in STEPS if asked & set(maker.outputs)} == {
        dep for dep in deps if dep.suffix == ".json"
    }
    assert [str(manifest_path(step))] == stage["outs"]
    assert [f"default.{name}" for name in step.reads] == [
        name for params in stage.get("params", ()) for name in params["settings.toml"]
    ]
    source = Path(sys.modules[step.make.__module__].__file__ or "").relative_to(PROJECT)
    assert any(source.is_relative_to(dep) for dep in deps) or step.name == "captures"
    assert all((PROJECT / dep).exists() for dep in deps if dep.parts[0] == "trading_assets")


def test_every_value_that_a_step_reads_is_written_where_dvc_can_set_it() -> None:
    written = tomllib.loads((PROJECT / "settings.toml").read_text())["default"]
    for name in {name for step in STEPS for name in step.reads}:
        section = getattr(default_settings(PROJECT), name)
        assert set(type(section).model_fields) == set(written[name])


def test_no_layer_but_the_default_changes_an_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_ASSETS_FEATURES__GRID_S", "0.25")

    assert 1.0 == default_settings(PROJECT).features.grid_s


@dataclass(frozen=True)
class Clone:
    """A copy of this project in git, with a lake of its own and everything in it published; commands run there."""

    root: Path

    def __call__(self, *command: str) -> str:
        beside = Path(sys.executable).parent
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("TRADING_ASSETS", "DAGSTER"))},
            "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "Tester",
            "GIT_AUTHOR_EMAIL": "tester@example.org",
            "GIT_COMMITTER_NAME": "Tester",
            "GIT_COMMITTER_EMAIL": "tester@example.org",
        }
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pointers(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.root / "var" / "catalog.sqlite")) as connection:
            return connection.execute("SELECT * FROM pointers ORDER BY asset, day, instrument_id").fetchall()

    def standing(self) -> set[str]:
        with closing(sqlite3.connect(self.root / "var" / "catalog.sqlite")) as connection:
            return {md5 for (md5,) in connection.execute("SELECT md5 FROM pointers")}

    def named(self) -> set[str]:
        """The md5s that the workspace's manifests name."""
        texts = [(self.root / manifest_path(step)).read_text() for step in STEPS]
        return {md5 for text in texts for md5 in re.findall(r'"md5": "([0-9a-f]{32})"', text)}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone(tmp_path_factory.mktemp("project") / "clone")
    made.root.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0")[:-1]:
        if (PROJECT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (made.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, made.root / name)
    settings = (made.root / "settings.toml").read_text()
    settings = re.sub("instruments = .*", 'instruments = ["SIMBTC.BINANCE"]', settings)
    settings = re.sub("minutes_per_day = .*", "minutes_per_day = 12", settings)
    (made.root / "settings.toml").write_text(settings)
    made("git", "init", "--quiet")
    made("git", "add", ".")
    made("git", "commit", "--quiet", "--message", "all")
    made("trading-assets", "run", "--or-simulate")
    return made


def ran(said: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", said)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_experiments_run_what_changed_and_what_follows_and_nothing_that_stands_moves(clone: Clone) -> None:
    standing = clone.pointers()
    clone("trading-assets", "snapshot", "create")
    clone("trading-assets", "snapshot", "checkout", "latest")
    for command in ("checkout", "status"):
        said = clone("dvc", command, "data.dvc")
    assert "up to date" in said, "stages that never ran are not asked"

    assert list(STAGES) == ran(clone("dvc", "repro"))
    assert clone.standing() == clone.named(), "DVC's stages and Dagster's assets make the same bytes"
    assert [] == ran(clone("dvc", "repro"))
    assert "up to date" in clone("dvc", "status")
    clone("git", "add", "dvc.lock")
    clone("git", "commit", "--quiet", "--message", "made")

    beside = clone("dvc", "exp", "run", "--temp", "-S", "settings.toml:default.features.grid_s=0.5")
    assert ["book_features", "labels", "model", "forecasts"] == ran(beside)
    here = clone("dvc", "exp", "run", "-S", "settings.toml:default.model.num_leaves=5")
    assert ["model", "forecasts"] == ran(here)
    assert "num_leaves" in clone("dvc", "params", "diff")
    assert "SIMBTC.BINANCE.1s.r2" in clone("dvc", "metrics", "diff", "--all")
    assert "calibration" in clone("dvc", "plots", "show", "--json")

    assert standing == clone.pointers()
    assert not list((clone.root / "var/lake/experiments/staging").glob("*-*"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_experiments_made_outlives_collection_of_the_lake(clone: Clone) -> None:
    clone("dvc", "repro")
    clone("git", "checkout", "--quiet", "settings.toml")
    clone("dvc", "exp", "run", "--force", "-S", "settings.toml:default.features.grid_s=0.25")
    names = clone.named() - clone.standing()
    store = clone.root / "var/lake/store/files/md5"
    paths = [store / md5[:2] / md5[2:] for md5 in sorted(names)]
    assert paths
    assert all(path.exists() for path in paths)

    clone("trading-assets", "gc", "--days", "0", "--yes")
    assert not any(path.exists() for path in paths)

    again = clone("dvc", "exp", "run", "-S", "settings.toml:default.model.num_leaves=6")
    assert ["model", "forecasts"] == ran(again)
    assert "all good" in clone("trading-assets", "verify")
