"""After `make setup`, whatever is started at once works: stores that several processes open together are there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from catalogs import copy_catalog, environment_of

PROJECT = Path(__file__).resolve().parents[1]
OURS, STOCK = (Path(sys.executable).parent / name for name in ("trading-assets", "dagster"))
MODULE = ("-m", "trading_assets.definitions")
KEY = "2024-08-08|SIMBTC.BINANCE"
REGISTER = (
    "import dagster as dg\n"
    "with dg.DagsterInstance.get() as instance:\n"
    "    instance.add_dynamic_partitions('instrument', ['SIMBTC.BINANCE'])"
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def command(root: Path, *words: str | Path) -> subprocess.Popen[str]:
    own = {"TRADING_ASSETS_ROOT": str(root), "DAGSTER_HOME": str(root / "var" / "dagster"), **environment_of(root)}
    return subprocess.Popen(
        words, cwd=root, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def end_of(*started: subprocess.Popen[str]) -> list[str]:
    """What each of them printed; all of them have to end well."""
    said = [process.communicate()[0] for process in started]
    assert [] == [
        (process.args, text[-3000:]) for process, text in zip(started, said, strict=True) if process.returncode != 0
    ]
    return said


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one published capture."""
    root = tmp_path_factory.mktemp("recorded") / "project"
    root.mkdir()
    for name in ("settings.toml", "workspace.yaml", "dagster.yaml"):
        shutil.copy(PROJECT / name, root / name)
    (root / "migrations").symlink_to(PROJECT / "migrations")
    end_of(command(root, OURS, "simulate", "-i", "SIMBTC.BINANCE", "--days", "1", "--minutes", "1"))
    return root


@pytest.mark.parametrize("time", ["first", "second", "third"])
def test_eight_commands_started_at_once_after_setup_all_work(tmp_path: Path, recorded: Path, time: str) -> None:
    copy_catalog(recorded, tmp_path / f"the {time} project")
    root = Path(shutil.copytree(recorded, tmp_path / f"the {time} project", symlinks=True))
    for made_by_setup in ("dagster", "mlflow"):
        shutil.rmtree(root / "var" / made_by_setup)
    end_of(command(root, OURS, "setup"))
    end_of(command(root, sys.executable, "-c", REGISTER))

    said = end_of(
        command(root, OURS, "status"),
        command(root, OURS, "run", "--dry-run"),
        command(root, OURS, "simulate", "--minutes", "1", "--out", "simulated"),
        command(root, OURS, "read", "captures", KEY, "--out", "capture.jsonl.zst"),
        command(root, STOCK, "definitions", "validate"),
        command(root, STOCK, "asset", "list", *MODULE),
        command(root, STOCK, "job", "list", *MODULE),
        command(root, STOCK, "asset", "materialize", *MODULE, "--select", "captures", "--partition", KEY),
    )

    assert "published" in said[0]
    assert "raw_l2_snapshots" in said[5]
