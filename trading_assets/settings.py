"""Configuration: dynaconf layers in, one frozen typed `Settings` out; nothing else reads configuration.

Layers, later wins: `[default]` of settings.toml, the section of `TRADING_ASSETS_ENV` (development, staging,
production), `.secrets.toml`, then environment variables such as `TRADING_ASSETS_FEATURES__GRID_S=0.5`.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dynaconf import Dynaconf, get_history
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)

from trading_assets.errors import InvalidIdentifier, InvalidSettings
from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES

PREFIX: Final = "TRADING_ASSETS"
_FILES: Final = ("settings.toml", ".secrets.toml")
_OWN: Final = "set_method"
"""What dynaconf calls its own options in the history of what it loaded."""
_NOT_SETTINGS: Final = frozenset({"ENV", "ROOT", "SHARED_DATA"})
"""Variables with our prefix that choose where to read from; they are not settings themselves."""


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or list(values) != sorted(set(values)):
        raise ValueError("must be a rising list without repeats")
    return values


def _instrument(text: str) -> str:
    try:
        return str(Instrument.parse(text))
    except InvalidIdentifier as error:
        raise ValueError(error) from None


InstrumentId = Annotated[str, AfterValidator(_instrument)]
Share = Annotated[float, AfterValidator(lambda value: _within(value, 0.0, 1.0))]
RisingSeconds = Annotated[tuple[PositiveFloat, ...], AfterValidator(_rising)]


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"must lie in [{low:g}, {high:g}]")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LakeSettings(_Section):
    """Where published objects, staged files and refused files live, on one file system."""

    root: Path = Path("var/lake")


class CatalogSettings(_Section):
    """The catalogue's database."""

    url: SecretStr = SecretStr("sqlite:///var/catalog.sqlite")
    busy_timeout_s: PositiveFloat = 30.0


class TrackingSettings(_Section):
    """MLflow's store and artifacts, and the experiment that runs are logged to."""

    uri: SecretStr = SecretStr("sqlite:///var/mlflow/mlflow.sqlite")
    artifacts: Path = Path("var/mlflow/artifacts")
    experiment: str = "trading_assets"


class PartitionSettings(_Section):
    """The first day that may be recorded; earlier days are refused by name."""

    start_day: date = date(2012, 1, 1)


class CaptureSettings(_Section):
    """Limits of what is taken from a wire recording."""

    max_line_bytes: Annotated[PositiveInt, Field(le=MAX_LINE_BYTES)] = MAX_LINE_BYTES
    """A longer line is kept, and ends as a dead letter; the decoder's own limit cannot be exceeded."""
    zstd_level: PositiveInt = 3


class BookSettings(_Section):
    """The rebuilt book."""

    depth: PositiveInt = 20


class FeatureSettings(_Section):
    """The time grid and the spans that features look back over."""

    grid_s: PositiveFloat = 1.0
    levels: PositiveInt = 10
    windows_s: RisingSeconds = (1.0, 10.0, 60.0)


class LabelSettings(_Section):
    """How far ahead labels look; a move within `flat_bps` is class 0."""

    horizons_s: RisingSeconds = (1.0, 10.0, 30.0)
    flat_bps: NonNegativeFloat = 0.1


class ModelSettings(_Section):
    """Training: how many registered days, how much of them is kept unseen for evaluation, and the learner."""

    train_days: PositiveInt = 5
    min_rows: PositiveInt = 100
    min_day_coverage: Share = 1.0
    evaluate_share: Share = 0.3
    seed: NonNegativeInt = 7
    n_estimators: PositiveInt = 80
    learning_rate: PositiveFloat = 0.03
    num_leaves: PositiveInt = 7
    min_child_samples: PositiveInt = 100
    ridge_alpha: NonNegativeFloat = 100.0
    bootstrap_samples: PositiveInt = 500


class GateSettings(_Section):
    """Thresholds that publication is judged by."""

    timeout_s: PositiveFloat = 300.0
    min_book_rows: PositiveInt = 1
    min_valid_share: Share = 0.9
    min_coverage: Share = 0.9
    min_ticker_agreement: Share = 1.0
    min_feature_rows: PositiveInt = 30
    max_null_share: Share = 0.5
    max_dead_letter_share: Share = 0.01
    max_stale_share: Share = 0.01
    lookahead_cuts: PositiveInt = 3


class SimulateSettings(_Section):
    """The simulated exchange that `make run` records when no capture is at hand."""

    instruments: tuple[InstrumentId, ...] = ("SIMBTC.BINANCE", "SIMETH.BINANCE")
    start_day: date = date(2024, 8, 8)
    days: PositiveInt = 2
    minutes_per_day: PositiveInt = 60
    signal_strength: Share = 0.75
    seed: NonNegativeInt = 7


class BackfillSettings(_Section):
    """Runs over many partitions, and the nightly backfill of what is missing, failed or stale."""

    partitions_per_run: PositiveInt = 100
    max_runtime_s: PositiveInt = 6 * 3600
    """A run that lasts longer is ended and reported as stuck."""
    nightly_at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "02:00"
    """UTC time of day at which a night begins; it ends `nightly_hours` later."""
    nightly_hours: Annotated[float, Field(gt=0, le=24)] = 4.0
    nightly_days: PositiveInt = 7
    max_attempts: PositiveInt = 3
    """Nights a partition is attempted with the same inputs, code and settings before it is left alone."""
    arrivals: Path = Path("var/arrivals")
    """Folder in which recordings are looked for and imported from, once each."""


class RetentionSettings(_Section):
    """How many days what nobody reads any more is kept; null keeps it for ever."""

    superseded_days: PositiveInt | None = None
    """Objects of the store that no standing version is, or was made from."""
    quarantine_days: PositiveInt | None = None
    event_log_days: PositiveInt | None = None
    """Finished Dagster runs, but for those that hold the newest materialization of a partition."""


class AlertSettings(_Section):
    """Where alerts go besides the log: any URLs of apprise (webhooks, e-mail, chat); and what counts as late."""

    urls: tuple[SecretStr, ...] = ()
    late_after_h: PositiveFloat = 6.0
    """Hours after the end of a day at which an instrument recorded the day before is late without a capture."""
    timeout_s: PositiveFloat = 10.0


class LogSettings(_Section):
    """Loguru: the level, and JSON lines or text for a terminal (`auto` looks at the terminal)."""

    level: Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    format: Literal["auto", "json", "text"] = "auto"


class Settings(_Section):
    """Everything that can be configured. `digest` names the values that a result depends on."""

    root: Path
    environment: str
    lake: LakeSettings = LakeSettings()
    catalog: CatalogSettings = CatalogSettings()
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
    alerts: AlertSettings = AlertSettings()
    log: LogSettings = LogSettings()

    def digest(self, sections: Iterable[str]) -> str:
        """Return 16 hexadecimal digits that change when a value of these sections changes."""
        values = {name: getattr(self, name).model_dump(mode="json") for name in sorted(sections)}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    def path(self, path: Path) -> Path:
        """Resolve a configured path against the project's root."""
        return path if path.is_absolute() else self.root / path

    @property
    def dagster_home(self) -> Path:
        """The directory of Dagster's own storage, always absolute."""
        return self.root / "var" / "dagster"


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
    layers = Dynaconf(
        root_path=str(root),
        settings_files=list(_FILES),
        environments=True,
        env=chosen,
        envvar_prefix=PREFIX,
        ignore_unknown_envvars=False,
    )
    layers.as_dict()  # dynaconf reads when it is first asked
    values: dict[str, Any] = {}
    for layer in get_history(layers, filter_callable=lambda source: source.loader != _OWN):
        _overlay(values, _lowered({k: v for k, v in layer["value"].items() if k not in _NOT_SETTINGS}))
    try:
        return Settings(root=root, environment=chosen, **values)
    except ValidationError as error:
        raise InvalidSettings(_first_problem(error)) from None


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
