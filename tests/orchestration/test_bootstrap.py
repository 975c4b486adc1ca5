import gc
from pathlib import Path

import pytest

from trading_assets.orchestration.bootstrap import prepare
from trading_assets.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.sqlite
def test_what_is_prepared_is_closed_and_can_be_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # prepare sets it; the test's end takes it back
    (tmp_path / "dagster.yaml").touch()
    (tmp_path / "migrations").symlink_to(PROJECT / "migrations")
    settings = load_settings(PROJECT, environment="development").model_copy(update={"root": tmp_path})
    gc.disable()  # it may come at any time, or never: nothing may depend on it
    try:
        prepare(settings)
        left = sorted(path.name for path in (tmp_path / "var").glob("catalog.sqlite*"))
    finally:
        gc.enable()

    assert ["catalog.sqlite"] == left
