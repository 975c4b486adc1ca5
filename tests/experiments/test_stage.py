import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from configobj import ConfigObj

from trading_assets.errors import CorruptObject, NotACapture, NotPublished
from trading_assets.experiments.manifest import manifest_path
from trading_assets.experiments.stage import RECORDINGS, Stage, shared_lake
from trading_assets.identifiers import Instrument
from trading_assets.orchestration.days import Days
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.raw.assets import captures
from trading_assets.settings import default_settings
from trading_assets.sources.simulator.captures import write_captures
from trading_assets.sources.simulator.recording import Recording
from trading_assets.storage.store import Store

PROJECT = Path(__file__).resolve().parents[2]
DAYS = [date(2024, 8, 8), date(2024, 8, 9), date(2024, 8, 10)]


def _gate(least: int) -> Gate:
    def measure(audit: Audit) -> Measures:
        return audit.staged.select(pl.len().alias("n_rows")).collect().row(0, named=True)

    return Gate(
        measure, lambda _: (Rule("it_has_rows", "n_rows", minimum=least),), columns=lambda _: {"x": pl.Float64()}
    )


def _sizes(*, bare: Sequence[date] = (), least: int = 0) -> Step:
    @published(Output(_gate(least)))
    def sizes(captures: Path, partition: Any) -> pl.DataFrame:
        """How large a capture is; nothing on some days."""
        rows = [] if partition.day in bare else [float(captures.stat().st_size)]
        return pl.DataFrame({"x": rows}, schema={"x": pl.Float64()})

    return sizes


@published(Output(_gate(0)), needs={"sizes": "it is empty"})
def twice(sizes: pl.LazyFrame) -> pl.LazyFrame:
    """Twice as large."""
    return sizes.select(pl.col("x") * 2)


@published(Output(_gate(0)), windows=lambda _: {"twice": Days(-2, -1)})
def before(twice: Mapping[date, pl.LazyFrame]) -> pl.LazyFrame:
    """What it was the day before."""
    return next(iter(twice.values()))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    recording = Recording(start_day=DAYS[0], days=len(DAYS), minutes_per_day=1, signal_strength=0.5, seed=1)
    write_captures(folder, [Instrument("SIMBTC", "BINANCE")], recording)
    return folder


@pytest.fixture
def root(tmp_path: Path, recordings: Path) -> Path:
    """A folder with a `dvc.yaml`, in which DVC was told of a lake elsewhere."""
    root = tmp_path / "project"
    shutil.copytree(recordings, root / RECORDINGS)
    shutil.copy(PROJECT / "settings.toml", root)
    (root / "migrations").symlink_to(PROJECT / "migrations")
    (root / ".dvc").mkdir()
    local = ConfigObj(str(root / ".dvc" / "config.local"))
    local["cache"] = {"dir": str(tmp_path / "lake" / "cache")}
    local.write()
    (tmp_path / "lake").mkdir()
    return root


@pytest.fixture
def run(root: Path) -> Callable[..., list[str]]:
    def run(step: Step, sizes: Step | None = None) -> list[str]:
        graph = (captures, sizes or _sizes(), twice, before)
        stage = Stage(step, root, default_settings(root), graph)
        return [str(partition.day) for partition, _ in stage.run()]

    return run


def named(root: Path, step: Step) -> list[str]:
    return [each["md5"] for each in json.loads((root / manifest_path(step)).read_text())]


def in_words(days: Sequence[date]) -> list[str]:
    return [str(day) for day in days]


def test_every_day_that_a_step_can_have_is_made_of_what_the_manifests_name(
    root: Path, run: Callable[..., list[str]]
) -> None:
    sizes = _sizes(bare=DAYS[:1])
    assert in_words(DAYS) == run(captures)
    assert in_words(DAYS) == run(sizes)
    assert in_words(DAYS[1:]) == run(twice), "the first day has no row to make it of"
    assert in_words(DAYS[2:]) == run(before), "only the last has a day before"
    assert len(DAYS) == len(set(named(root, sizes))), "each day is of its own capture"
    assert named(root, before) == named(root, twice)[:1]

    texts = [(root / manifest_path(step)).read_bytes() for step in (captures, sizes, twice, before)]
    for step in (captures, sizes, twice, before):
        run(step, sizes)
    assert texts == [(root / manifest_path(step)).read_bytes() for step in (captures, sizes, twice, before)]
    assert [] == [path for path in (shared_lake(root) / "experiments" / "staging").iterdir() if path.is_dir()]


def test_objects_are_in_the_store_once_and_come_back_after_they_were_collected(
    root: Path, run: Callable[..., list[str]]
) -> None:
    run(captures)
    store = Store(shared_lake(root))
    paths = [store.object_path(md5) for md5 in named(root, captures)]
    assert {2} == {path.stat().st_nlink for path in paths}

    for path in paths:
        path.unlink()
    run(_sizes())
    assert all(path.exists() for path in paths)

    shutil.rmtree(shared_lake(root) / "experiments")
    run(_sizes())
    assert {2} == {path.stat().st_nlink for path in paths}
    for path in paths:
        path.unlink()
    shutil.rmtree(shared_lake(root) / "experiments")
    with pytest.raises(CorruptObject, match=r"captures of 2024-08-08\|SIMBTC.BINANCE .* `dvc repro --force`"):
        run(_sizes())


def test_a_refused_partition_ends_the_stage_and_nothing_is_named(root: Path, run: Callable[..., list[str]]) -> None:
    run(captures)
    with pytest.raises(NotPublished, match=r"sizes of 2024-08-08.* was refused by its gate: .*it_has_rows"):
        run(_sizes(least=2))
    assert not (root / manifest_path(_sizes())).exists()


def test_what_is_missing_or_no_manifest_is_named_with_the_command_that_makes_it(
    root: Path, run: Callable[..., list[str]]
) -> None:
    with pytest.raises(NotPublished, match=r"sizes needs experiment/captures\.json: `dvc repro sizes`"):
        run(_sizes())
    run(captures)
    for text in ("", "{}", "[1]", '[{"asset": "captures"}]'):
        (root / manifest_path(captures)).write_text(text)
        with pytest.raises(NotPublished, match=r"experiment/captures\.json is not what a stage writes|nothing to make"):
            run(_sizes())
    (root / ".dvc" / "config.local").unlink()
    with pytest.raises(NotPublished, match="trading-assets setup"):
        run(captures)


def test_a_damaged_recording_is_not_half_used(root: Path, run: Callable[..., list[str]]) -> None:
    path = next((root / RECORDINGS).rglob("*2024-08-09*"))
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(NotACapture, match="the file is cut off"):
        run(captures)
    assert not (root / manifest_path(captures)).exists()


def test_a_day_that_is_all_empty_leaves_nothing_to_make(run: Callable[..., list[str]]) -> None:
    run(captures)
    run(_sizes(bare=DAYS))
    with pytest.raises(NotPublished, match="there is nothing to make twice of"):
        run(twice)
