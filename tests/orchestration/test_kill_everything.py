import random
import shutil
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from catalogs import adopt_copy, copy_catalog
from live_project import BIN, LiveProject
from test_backfill import RAW, data_versions, keys, recorded, standing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

N_DAYS = 8
ASSETS = (*RAW, "book_features", "labels")
SEED = 20240808
LIMIT_S = 300
"""By then a run without a process has been found dead, whether it had begun (at once) or was about to (a minute)."""


@dataclass(frozen=True)
class Moment:
    """When everything is killed: so many partitions of an asset stand, and a little later."""

    asset: str
    n_standing: int
    delay_s: float

    def is_reached(self, project: LiveProject) -> bool:
        return len(standing(project, self.asset)) >= self.n_standing


@dataclass(frozen=True)
class Reference:
    """A project with nothing but its captures, and what an undisturbed backfill makes of them."""

    captured: Path
    versions: dict[str, dict[str, str]]

    def fresh(self, root: Path) -> LiveProject:
        return copied(self.captured, root)


def copied(source: Path, root: Path) -> LiveProject:
    """A project that nobody works in yet, with all that another has."""
    copy_catalog(source, root)
    shutil.copytree(source, root, symlinks=True)
    adopt_copy(source, root)
    return LiveProject(root)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    root = tmp_path_factory.mktemp("kill")
    captured = recorded(root / "captured", days=N_DAYS, bad=None)
    undisturbed = copied(captured.root, root / "undisturbed")
    undisturbed.start()
    try:
        undisturbed.finished(undisturbed.launch_backfill(ASSETS, keys(N_DAYS)), timeout_s=400)
    finally:
        undisturbed.stop()
    versions = pointers(undisturbed)
    assert all(N_DAYS == len(found) for found in versions.values())
    return Reference(captured.root, versions)


def moments(seed: int) -> list[Moment]:
    """A moment amid the first group of assets and one amid the next, seeded."""
    chosen = random.Random(seed)
    early, late = sorted(chosen.sample(range(1, N_DAYS - 1), 2))
    return [
        Moment("raw_trades", early, chosen.uniform(0, 0.5)),
        Moment("book_features", late, chosen.uniform(0, 0.5)),
    ]


def with_status(project: LiveProject, *wanted: str) -> set[str]:
    """The runs of some statuses, as Dagster's storage has them."""
    with sqlite3.connect(project.root / "var" / "dagster" / "history" / "runs.db") as runs:
        rows = runs.execute("select run_id, status from runs").fetchall()
    return {run for run, status in rows if status in wanted}


def pointers(project: LiveProject) -> dict[str, dict[str, str]]:
    return {asset: standing(project, asset) for asset in ASSETS}


def wait_for(moment: Moment, project: LiveProject) -> None:
    """Look often, because the moments to be met are short."""

    end = time.monotonic() + 300
    while not moment.is_reached(project):
        assert time.monotonic() < end, f"{moment} did not come"
        time.sleep(0.02)
    time.sleep(moment.delay_s)


def test_whatever_moment_everything_is_killed_a_rerun_ends_with_the_same_bytes(
    tmp_path: Path, reference: Reference
) -> None:
    project = reference.fresh(tmp_path / "killed")
    killed: set[str] = set()
    disturbed: list[str] = []
    try:
        for moment in moments(SEED):
            project.start()
            disturbed.append(project.launch_backfill(ASSETS, keys(N_DAYS)))
            wait_for(moment, project)
            project.kill()

            running = with_status(project, "STARTED")
            killed |= running
            project.command("trading-assets", "reconcile")
            assert running <= with_status(project, "FAILURE")
            assert set() == with_status(project, "STARTED")
            found = pointers(project)
            assert all(found[asset].items() <= reference.versions[asset].items() for asset in ASSETS)

        project.start()
        for backfill in disturbed:  # the daemon goes on with them, and they end
            project.finished(backfill, LIMIT_S)
        project.until(lambda: not project.unfinished(), LIMIT_S, "no run is left unfinished")
        project.finished(project.launch_backfill(ASSETS, keys(N_DAYS)), LIMIT_S)
        shown = {asset: data_versions(project, asset, keys(N_DAYS)) for asset in ASSETS}
    finally:
        project.kill()

    assert killed, "no moment met a run at work"
    assert reference.versions == pointers(project)
    assert reference.versions == shown


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_command_is_put_right_by_the_same_command(tmp_path: Path, reference: Reference, seed: int) -> None:
    project = reference.fresh(tmp_path / "killed")
    end = keys(3)[-1].partition("|")[0]
    asset = random.Random(seed).choice(["raw_trades", "book_features", "labels"])
    with subprocess.Popen(
        [BIN / "trading-assets", "run", "--end", end],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        wait_for(Moment(asset, seed, random.Random(seed).uniform(0, 0.3)), project)
        project.kill()
    interrupted = with_status(project, "STARTED")
    project.command("trading-assets", "run", "--end", end, ok=False)

    assert set() == with_status(project, "STARTED", "STARTING")
    assert interrupted <= with_status(project, "FAILURE")
    for name in ASSETS:
        assert {key: reference.versions[name][key] for key in keys(3)} == pointers(project)[name]
