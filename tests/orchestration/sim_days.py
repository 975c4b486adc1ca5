"""A lake of two simulated days, sound from captures to forecasts, made once a session; ways to spoil its steps."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache, wraps
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import zstandard
from catalogs import adopt_copy, copy_catalog, settings_in

from trading_assets.definitions import STAGES, STEPS
from trading_assets.identifiers import Instrument, Partition
from trading_assets.models.tracking import prepare_store
from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.execute import Outcome, execute
from trading_assets.orchestration.importing import land
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.step import Made, Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.sources.reader import read_chunks
from trading_assets.sources.simulator.captures import write_captures
from trading_assets.sources.simulator.recording import Recording
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.formats import CAPTURE, DOCUMENT
from trading_assets.storage.registry import TickRules

PROJECT = Path(__file__).resolve().parents[2]
SIMBTC = Instrument("SIMBTC", "BINANCE")
FIRST = Partition(date(2024, 8, 8), SIMBTC)
SECOND = Partition(date(2024, 8, 9), SIMBTC)
OUTPUTS = [name for step in STEPS for name in step.outputs]
Change = Callable[[Any], Any]


def small_settings(root: Path) -> Settings:
    """Short windows, horizons and training, so that two simulated minutes go through the whole graph."""
    return changed(
        settings_in(root),
        features={"windows_s": (1.0, 2.0)},
        labels={"horizons_s": (1.0, 2.0)},
        model={"min_rows": 30, "n_estimators": 5, "bootstrap_samples": 20, "min_child_samples": 10},
        gate={"lookahead_cuts": 1},
    )


def changed(settings: Settings, **sections: Mapping[str, Any]) -> Settings:
    """Return settings with some values of some sections replaced."""
    parts = {name: getattr(settings, name).model_copy(update=dict(values)) for name, values in sections.items()}
    return settings.model_copy(update=parts)


def open_house(settings: Settings) -> Warehouse:
    """Open a warehouse with its catalogue."""
    house = Warehouse.open(settings)
    upgrade_catalog(house.lake.engine, PROJECT / "migrations")
    return house


@cache
def recordings() -> list[Path]:
    """The captures of both days, as a recorder wrote them."""
    folder = Path(tempfile.mkdtemp(prefix="sim_days_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    recording = Recording(start_day=FIRST.day, days=2, minutes_per_day=2, signal_strength=0.5, seed=7)
    return write_captures(folder, [SIMBTC], recording)


@cache
def _sound_root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="sound_lake_"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    house = open_house(small_settings(root))
    prepare_store(house.settings)
    for path in recordings():
        land(path, house, instrument=None, rules=TickRules())
    for partition in (FIRST, SECOND):
        for step in STEPS:
            if partition == SECOND or step.name not in {"model", "forecasts"}:
                assert execute(step, partition, house, run_id="sound").refusal is None
    house.lake.engine.dispose()
    return root


def sound_house(root: Path) -> Warehouse:
    """Return a private copy of the sound lake under `root`, in the place of a catalogue that is there."""
    copy_catalog(_sound_root(), root)
    shutil.copytree(_sound_root() / "var", root / "var", dirs_exist_ok=True)
    adopt_copy(_sound_root(), root)
    return open_house(small_settings(root))


def step_of(output: str) -> Step:
    """Return the step that makes an output."""
    return next(step for step in STEPS if output in step.outputs)


def group_of(step: Step) -> str:
    """Return the stage of a step."""
    return next(stage for stage, steps in STAGES.items() if step.name in {other.name for other in steps})


def spoiled(output: str, change: Change) -> Step:
    """Return the output's step, whose function is what it was but for this output."""
    step = step_of(output)
    suffix = step.outputs[output].suffix

    def spoil(made: Any) -> Any:
        if suffix == CAPTURE:
            return _spoiled_capture(made, change)
        if suffix == DOCUMENT:
            return _spoiled_document(made, change)
        return change(pl.read_parquet(made) if isinstance(made, Path) else made.lazy().collect())

    @wraps(step.make)
    def make(**given: Any) -> Made:
        made = step.make(**given)
        made = made if isinstance(made, Made) else Made({step.name: made})
        return Made({**made.outputs, output: spoil(made.outputs[output])}, made.evidence)

    return replace(step, make=make)


def spoiled_within(step: Step, arguments: Mapping[str, Change]) -> Step:
    """Return a step whose function is given other inputs than were published."""

    @wraps(step.make)
    def make(**given: Any) -> Any:
        return step.make(**{name: arguments.get(name, lambda same: same)(value) for name, value in given.items()})

    return replace(step, make=make)


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a capture, each with its line feed."""
    chunks = read_chunks(path, max_line_bytes=2**20)
    return [line for chunk in chunks if isinstance(chunk, bytes) for line in chunk.splitlines(keepends=True)]


def _spoiled_capture(write: Callable[[Path], Any], change: Change) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        write(path)
        lines = change(lines_of(path))
        path.unlink()  # it may be a link to what was imported, which must stay as it is
        path.write_bytes(zstandard.compress(b"".join(lines)))

    return spoil


def _spoiled_document(content: bytes, change: Change) -> bytes:
    values = change(json.loads(content))
    if isinstance(values, bytes):
        return values
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def with_value(name: str, value: Any, row: int = 40) -> Change:
    """Replace one value of a table."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        here = pl.int_range(pl.len()) == row
        return frame.with_columns(
            pl.when(here).then(value).otherwise(pl.col(name)).cast(frame.schema[name]).alias(name)
        )

    return change


def materialize(
    steps: Sequence[Step],
    partition: Partition,
    house: Warehouse,
    instance: dg.DagsterInstance,
    *,
    only: Sequence[str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run steps through Dagster for one partition."""
    assets = [as_dagster_asset(step, group=group_of(step), settings=house.settings) for step in steps]
    instance.add_dynamic_partitions("instrument", [str(partition.instrument)])
    return dg.materialize(
        assets,
        selection=dg.AssetSelection.assets(*only) if only else None,
        partition_key=str(partition),
        instance=instance,
        resources={**resources(house.settings), "warehouse": house},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def versions_of(house: Warehouse, partition: Partition) -> dict[str, str]:
    """Return the md5 of every asset that stands for a partition."""
    return {name: version.md5 for (name, _), version in house.lake.find_all(OUTPUTS, [partition]).items()}


def why_failed(result: dg.ExecuteInProcessResult) -> str:
    """Return the descriptions of the failures of a run."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return " | ".join(str(f.user_failure_data.description) if f.user_failure_data else str(f.error) for f in failures)


def run_all(partition: Partition, house: Warehouse, run_id: str = "again") -> dict[str, Outcome]:
    """Execute every step of a partition without Dagster."""
    return {step.name: execute(step, partition, house, run_id=run_id) for step in STEPS}
