import gc
from pathlib import Path

import pytest

from trading_assets.errors import InstanceFailed
from trading_assets.orchestration.bootstrap import open_instance, prepare
from trading_assets.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("url", "told"),
    [(None, '"DAGSTER_POSTGRES_URL" which is not set'), ("postgresql+psycopg2://x@127.0.0.1:1/d", "refused")],
)
def test_a_storage_of_dagsters_that_cannot_be_opened_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None, told: str
) -> None:
    (tmp_path / "dagster.yaml").symlink_to(PROJECT / "deploy" / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)

    with pytest.raises(InstanceFailed, match=told) as failed:
        open_instance()
    assert str(failed.value).isprintable()


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
