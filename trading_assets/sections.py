"""The sections of the settings: what can be configured, its type, its bounds and its default.

Belongs here: values and what may be written for them. Does not: where they are read from (settings).
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

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
)

from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES


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


class Section(BaseModel):
    """A table of settings.toml: every key is known, and none changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LakeSettings(Section):
    """Where published objects, staged files and refused files live, on one file system."""

    root: Path = Path("var/lake")


class CatalogSettings(Section):
    """The catalogue's database."""

    url: SecretStr = SecretStr("sqlite:///var/catalog.sqlite")
    """`sqlite:///PATH`, or `postgresql+psycopg://USER@/DATABASE?host=ONE:5432&host=OTHER:5432`."""
    busy_timeout_s: PositiveFloat = 30.0
    """How long a writer waits for the others."""
    connect_timeout_s: PositiveFloat = 5.0
    """Of each server in turn; also how long what was sent may go unacknowledged. This and the rest: Postgres only."""
    statement_timeout_s: PositiveFloat = 60.0
    transaction_timeout_s: PositiveFloat = 30.0
    """After this a connection is cut that does not answer, whatever the server does."""
    retry_s: PositiveFloat = 60.0
    """How long a transaction is begun again whose server was lost."""
    pool_size: PositiveInt = 5
    pool_recycle_s: PositiveFloat = 1800.0
    """Age at which a connection is replaced, so that renewed certificates come into use."""


class DagsterSettings(Section):
    """Dagster's instance."""

    configuration: Path = Path("dagster.yaml")
    """The file that its home shows; `deploy/dagster.yaml` keeps runs and events in a Postgres database."""


class TrackingSettings(Section):
    """MLflow's store and artifacts, and the experiment that runs are logged to."""

    uri: SecretStr = SecretStr("sqlite:///var/mlflow/mlflow.sqlite")
    artifacts: Path = Path("var/mlflow/artifacts")
    experiment: str = "trading_assets"


class PartitionSettings(Section):
    """The first day that may be recorded; earlier days are refused by name."""

    start_day: date = date(2012, 1, 1)


class CaptureSettings(Section):
    """Limits of what is taken from a wire recording."""

    max_line_bytes: Annotated[PositiveInt, Field(le=MAX_LINE_BYTES)] = MAX_LINE_BYTES
    """A longer line is kept, and ends as a dead letter; the decoder's own limit cannot be exceeded."""
    zstd_level: PositiveInt = 3


class BookSettings(Section):
    """The rebuilt book."""

    depth: PositiveInt = 20


class FeatureSettings(Section):
    """The time grid and the spans that features look back over."""

    grid_s: PositiveFloat = 1.0
    levels: PositiveInt = 10
    windows_s: RisingSeconds = (1.0, 10.0, 60.0)


class LabelSettings(Section):
    """How far ahead labels look; a move within `flat_bps` is class 0."""

    horizons_s: RisingSeconds = (1.0, 10.0, 30.0)
    flat_bps: NonNegativeFloat = 0.1


class ModelSettings(Section):
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


class GateSettings(Section):
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


class SimulateSettings(Section):
    """The simulated exchange that `make run` records when no capture is at hand."""

    instruments: tuple[InstrumentId, ...] = ("SIMBTC.BINANCE", "SIMETH.BINANCE")
    start_day: date = date(2024, 8, 8)
    days: PositiveInt = 2
    minutes_per_day: PositiveInt = 60
    signal_strength: Share = 0.75
    seed: NonNegativeInt = 7


class BackfillSettings(Section):
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


class RetentionSettings(Section):
    """How many days what nobody reads any more is kept; null keeps it for ever."""

    superseded_days: PositiveInt | None = None
    """Objects of the store that no standing version is, or was made from."""
    quarantine_days: PositiveInt | None = None
    event_log_days: PositiveInt | None = None
    """Finished Dagster runs, but for those that hold the newest materialization of a partition."""


class SnapshotSettings(Section):
    """What the asset `data_snapshot` does with a snapshot that it took."""

    remote: str | None = None
    """A remote of `dvc remote list` that it is pushed to; null pushes it nowhere."""


class AlertSettings(Section):
    """Where alerts go besides the log: any URLs of apprise (webhooks, e-mail, chat); and what counts as late."""

    urls: tuple[SecretStr, ...] = ()
    late_after_h: PositiveFloat = 6.0
    """Hours after the end of a day at which an instrument recorded the day before is late without a capture."""
    timeout_s: PositiveFloat = 10.0


class LogSettings(Section):
    """Loguru: the level, and JSON lines or text for a terminal (`auto` looks at the terminal)."""

    level: Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    format: Literal["auto", "json", "text"] = "auto"
