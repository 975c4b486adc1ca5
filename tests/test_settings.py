from pathlib import Path

import pytest
from pydantic import ValidationError

from trading_assets.errors import InvalidSettings
from trading_assets.settings import Settings, load_settings, project_root

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRADING_ASSETS_ENV", "TRADING_ASSETS_ROOT"):
        monkeypatch.delenv(name, raising=False)


def test_the_checked_in_layers_are_valid_in_every_environment() -> None:
    for environment in ("development", "staging", "production"):
        assert environment == load_settings(PROJECT, environment=environment).environment


def test_a_section_of_the_environment_wins_over_the_default() -> None:
    assert 0.001 == load_settings(PROJECT, environment="production").gate.max_dead_letter_share
    assert 0.01 == load_settings(PROJECT, environment="development").gate.max_dead_letter_share


def test_a_variable_wins_over_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_ASSETS_FEATURES__GRID_S", "0.5")

    assert 0.5 == load_settings(PROJECT).features.grid_s


def test_a_list_of_a_higher_layer_replaces_the_one_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text(
        "[default.features]\ngrid_s = 0.5\nwindows_s = [1.0, 10.0]\n[staging.features]\nwindows_s = [2.0, 5.0]\n"
    )
    assert (2.0, 5.0) == load_settings(tmp_path, environment="staging").features.windows_s

    monkeypatch.setenv("TRADING_ASSETS_FEATURES__WINDOWS_S", "[3.0]")
    features = load_settings(tmp_path, environment="staging").features

    assert (0.5, (3.0,)) == (features.grid_s, features.windows_s)


def test_secrets_come_from_their_own_file_and_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[default]\n")
    (tmp_path / ".secrets.toml").write_text('[default.catalog]\nurl = "postgresql://me:hunter2@db/x"\n')

    settings = load_settings(tmp_path)

    assert "hunter2" in settings.catalog.url.get_secret_value()
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("FEATURES__GRD_S", "1", "features.grd_s"),
        ("NONSENSE", "1", "nonsense"),
        ("FEATURES__GRID_S", "nan", "features.grid_s"),
        ("FEATURES__GRID_S", "-1", "features.grid_s"),
        ("MODEL__SEED", "abc", "model.seed"),
        ("GATE__MIN_VALID_SHARE", "1.5", "gate.min_valid_share"),
        ("FEATURES__WINDOWS_S", "[10.0, 1.0]", "features.windows_s"),
    ],
)
def test_a_wrong_key_or_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, key: str) -> None:
    monkeypatch.setenv(f"TRADING_ASSETS_{name}", value)

    with pytest.raises(InvalidSettings, match=key):
        load_settings(PROJECT)


def test_an_unknown_environment_is_named() -> None:
    with pytest.raises(InvalidSettings, match="'prod'"):
        load_settings(PROJECT, environment="prod")


def test_settings_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(ValidationError):
        settings.features.grid_s = 2.0  # type: ignore[misc]  # the very thing that must fail


def test_the_digest_changes_with_the_sections_it_is_asked_about(settings: Settings) -> None:
    other = settings.model_copy(update={"features": settings.features.model_copy(update={"levels": 3})})

    assert settings.digest(["labels"]) == other.digest(["labels"])
    assert settings.digest(["features"]) != other.digest(["features"])


def test_the_project_is_found_from_below_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("settings.toml", "workspace.yaml"):
        (tmp_path / name).touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert tmp_path == project_root()

    monkeypatch.setenv("TRADING_ASSETS_ROOT", str(PROJECT))
    assert project_root() == PROJECT
