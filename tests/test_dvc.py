import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

PROJECT = Path(__file__).resolve().parents[1]


def test_dvc_and_dagster_share_an_environment_in_which_selections_parse() -> None:
    assert "key" in str(dg.AssetSelection.from_string('key:"book_features"+'))


@pytest.mark.slow
def test_dvc_repro_records_once_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    for name in ("dvc.yaml", "settings.toml", "workspace.yaml", ".dvcignore"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", tmp_path / ".dvc")
    text = (tmp_path / "settings.toml").read_text()
    (tmp_path / "settings.toml").write_text(text.replace("minutes_per_day = 60", "minutes_per_day = 1"))
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)

    first, second = _repro(tmp_path), _repro(tmp_path)

    assert "Running stage 'recordings'" in first
    assert "didn't change" in second
    assert 4 == len(list((tmp_path / "recordings").rglob("*.jsonl.gz")))


def _repro(folder: Path) -> str:
    beside = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [f"{beside}/dvc", "repro"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
