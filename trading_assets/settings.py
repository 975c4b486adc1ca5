"""Configuration: dynaconf layers in, one frozen typed `Settings` out; nothing else reads configuration.

Layers, later wins: `[default]` of settings.toml, the section of `TRADING_ASSETS_ENV` (development, staging,
production), `.secrets.toml`, then environment variables such as `TRADING_ASSETS_FEATURES__GRID_S=0.5`.
"""

import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from trading_assets.errors import InvalidSettings
from trading_assets.sections import (
    AlertSettings,
    BackfillSettings,
    BookSettings,
    CaptureSettings,
    CatalogSettings,
    DagsterSettings,
    FeatureSettings,
    GateSettings,
    LabelSettings,
    LakeSettings,
    LogSettings,
    ModelSettings,
    PartitionSettings,
    RetentionSettings,
    Section,
    SimulateSettings,
    SnapshotSettings,
    TrackingSettings,
)

PREFIX: Final = "TRADING_ASSETS"
_FILES: Final = ("settings.toml", ".secrets.toml")
_OWN: Final = "set_method"
"""What dynaconf calls its own options in the history of what it loaded."""
_NOT_SETTINGS: Final = frozenset({"ENV", "ROOT", "SHARED_DATA"})
"""Variables with our prefix that choose where to read from; they are not settings themselves."""


class Settings(Section):
    """Everything that can be configured. `digest` names the values that a result depends on."""

    root: Path
    environment: str
    lake: LakeSettings = LakeSettings()
    catalog: CatalogSettings = CatalogSettings()
    dagster: DagsterSettings = DagsterSettings()
    tracking: TrackingSettings = TrackingSettings()
    partitions: PartitionSettings = PartitionSettings()
    captures: CaptureSettings = CaptureSettings()
    book: BookSettings = BookSettings()
    features: FeatureSettings = FeatureSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = ModelSettings()
    gate: GateSettings = GateSettings()
    simulate: SimulateSettings = SimulateSettings()
    backfill: BackfillSettings = BackfillSettings()
    retention: RetentionSettings = RetentionSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    alerts: AlertSettings = AlertSettings()
    log: LogSettings = LogSettings()

    def values(self, sections: Iterable[str]) -> dict[str, Any]:
        """Return all values of some sections, as JSON has them."""
        return {name: getattr(self, name).model_dump(mode="json") for name in sorted(sections)}

    def digest(self, sections: Iterable[str]) -> str:
        """Return 16 hexadecimal digits that change when a value of these sections changes."""
        return digest_of(self.values(sections))

    def path(self, path: Path) -> Path:
        """Resolve a configured path against the project's root."""
        return path if path.is_absolute() else self.root / path

    @property
    def dagster_home(self) -> Path:
        """The directory of Dagster's own storage, always absolute."""
        return self.root / "var" / "dagster"


def digest_of(values: Mapping[str, Any]) -> str:
    """Return the digest of the values of some sections."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def project_root() -> Path:
    """Find the project: `TRADING_ASSETS_ROOT`, else the nearest folder upward that has a settings.toml.

    Raises:
        InvalidSettings: there is none, or none where `TRADING_ASSETS_ROOT` says.
    """
    if named := os.environ.get(f"{PREFIX}_ROOT"):
        if not (Path(named) / "settings.toml").is_file():
            raise InvalidSettings(f"{PREFIX}_ROOT is {named!r}, where there is no settings.toml")
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "settings.toml").is_file() and (folder / "workspace.yaml").is_file():
            return folder
    raise InvalidSettings(f"no settings.toml in {here} or above it: run from the project, or set {PREFIX}_ROOT")


def load_settings(root: Path, *, environment: str | None = None) -> Settings:
    """Read all layers under `root` and check them.

    Raises:
        InvalidSettings: an unknown key, a value of the wrong kind, or an unknown environment, by name.
    """
    chosen = environment or os.environ.get(f"{PREFIX}_ENV", "development")
    if chosen not in {"development", "staging", "production"}:
        raise InvalidSettings(f"{PREFIX}_ENV is {chosen!r}: choose development, staging or production")
    _ensure_toml(root)
    dynaconf = _dynaconf()
    layers = dynaconf.Dynaconf(
        root_path=str(root),
        settings_files=list(_FILES),
        environments=True,
        env=chosen,
        envvar_prefix=PREFIX,
        ignore_unknown_envvars=False,
    )
    layers.as_dict()  # dynaconf reads when it is first asked
    values: dict[str, Any] = {}
    for layer in dynaconf.get_history(layers, filter_callable=lambda source: source.loader != _OWN):
        _overlay(values, _lowered({k: v for k, v in layer["value"].items() if k not in _NOT_SETTINGS}))
    return _checked(root, chosen, values)


def default_settings(root: Path) -> Settings:
    """Read `[default]` of settings.toml alone: no other layer may change what somebody else was told are parameters.

    Raises:
        InvalidSettings: as for all layers.
    """
    _ensure_toml(root)
    return _checked(root, "development", tomllib.loads((root / _FILES[0]).read_text("utf-8")).get("default", {}))


def _checked(root: Path, environment: str, values: dict[str, Any]) -> Settings:
    try:
        return Settings(root=root, environment=environment, **values)
    except ValidationError as error:
        raise InvalidSettings(_first_problem(error)) from None


def _dynaconf() -> Any:  # noqa: ANN401 - a module
    """Import dynaconf, but not Flask, which MLflow brings and dynaconf would extend: that takes as long again."""
    hidden: dict[str, Any] = {} if "flask" in sys.modules else {"flask": None}
    sys.modules.update(hidden)
    try:
        import dynaconf  # noqa: PLC0415 - see above
    finally:
        for name in hidden:
            del sys.modules[name]
    return dynaconf


def _overlay(values: dict[str, Any], layer: dict[str, Any]) -> None:
    """Let a layer win key by key; a list of its own replaces the one below (dynaconf's own merge would append)."""
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _overlay(values[key], value)
        else:
            values[key] = value


def _ensure_toml(root: Path) -> None:
    for path in (root / name for name in _FILES if (root / name).is_file()):
        try:
            tomllib.loads(path.read_text("utf-8"))
        except ValueError as error:  # not UTF-8, or not TOML
            raise InvalidSettings(f"{path}: {error}") from None


@cache
def current_settings() -> Settings:
    """Return the settings of this process, read once."""
    return load_settings(project_root())


def _lowered(values: Any) -> Any:  # noqa: ANN401 - whatever TOML can hold
    if isinstance(values, dict):
        return {str(key).lower(): _lowered(value) for key, value in values.items()}
    return list(values) if isinstance(values, (list, tuple)) else values


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    what = "is not a setting" if problem["type"] == "extra_forbidden" else problem["msg"]
    return f"settings: {key}: {what} (in settings.toml, .secrets.toml or {PREFIX}_{key.upper().replace('.', '__')})"
