"""Crashes and full disks on the way of a snapshot: it is whole or not there, and the next attempt needs no hands."""

import errno
import hashlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from crash_house import (
    ASSETS,
    NEW,
    OF_SNAPSHOTS,
    OLD,
    PARTITION,
    SCENARIOS,
    assert_catalogue_is_sound,
    assert_whole,
    copied,
    open_house,
    publish,
    remotes,
    standing,
    take,
)
from crash_process import CrashServer, crash_server, make_templates

from trading_assets.errors import DiskFailed, DiskFull
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.snapshots.history import Entry
from trading_assets.storage.snapshots.manifest import DOCUMENT, document_of, tree_of
from trading_assets.storage.snapshots.snapshots import Snapshots
from trading_assets.storage.upkeep.retention import objects

pytestmark = pytest.mark.timeout(900)

GONE = Path("data", "gone")
CASES = ("snapshot", "push", "pull", "checkout", "collect")


@pytest.fixture(scope="module")
def server() -> Iterator[CrashServer]:
    with crash_server() as started:
        yield started


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Lakes whose first version was superseded.

    One without a snapshot, one with a snapshot of it, one with two that is not pushed, and one that lost its objects.
    """
    folder = tmp_path_factory.mktemp("templates")
    lived_in = make_templates(folder)["lived_in"]
    unnamed = copied(lived_in, folder / "unnamed")
    house = open_house(unnamed)
    publish(house, NEW)
    house.lake.engine.dispose()
    house = open_house(lived_in)
    take(house)
    publish(house, NEW)
    house.lake.engine.dispose()
    taken = copied(lived_in, folder / "taken")
    house = open_house(taken)
    take(house)
    remotes(house)
    house.lake.engine.dispose()
    lost = copied(taken, folder / "lost")
    house = open_house(lost)
    remotes(house).push(Snapshots(house.lake).find("latest"))
    for entry in Snapshots(house.lake).entries(Snapshots(house.lake).find("latest")):
        house.lake.store.object_path(entry.md5).unlink()
    shutil.rmtree(Snapshots(house.lake).cache.folder)
    house.lake.engine.dispose()
    filled = copied(taken, folder / "filled")
    leave_folder(filled)
    return {"snapshot": lived_in, "push": taken, "pull": lost, "checkout": filled, "collect": unnamed}


def leave_folder(root: Path) -> None:
    """Leave in `data/` what a snapshot that named another asset left there."""
    path = f"{PARTITION.day}/{PARTITION.instrument}.parquet"
    (root / GONE / path).parent.mkdir(parents=True)
    (root / GONE / path).write_bytes(b"gone")
    md5 = hashlib.md5(b"gone").hexdigest()  # noqa: S324 - the address of an object
    (root / DOCUMENT).write_text(document_of([tree_of(GONE.name, [Entry(GONE.name, path, md5, 4, 0)]).out]))


@pytest.mark.parametrize("scenario", CASES)
def test_a_kill_before_any_effect_leaves_a_snapshot_whole_or_not_there(
    server: CrashServer, templates: dict[str, Path], tmp_path: Path, scenario: str
) -> None:
    ended = server.run(scenario, copied(templates[scenario], tmp_path / "whole"))
    assert ended.error is None
    assert ended.passed
    for n, effect in enumerate(ended.passed, 1):
        root = copied(templates[scenario], tmp_path / f"{n}-{effect.name}")
        assert -signal.SIGKILL == server.run(scenario, root, kill_at=n).status

        house = open_house(root)
        assert_sound(house, scenario, ended.passed[: n - 1])
        SCENARIOS[scenario](house)
        assert_done(house, scenario)
        house.lake.engine.dispose()


def test_every_effect_of_snapshots_is_passed(server: CrashServer, templates: dict[str, Path], tmp_path: Path) -> None:
    passed = [server.run(each, copied(templates[each], tmp_path / each)).passed or [] for each in CASES]

    assert OF_SNAPSHOTS <= {effect for each in passed for effect in each}


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOSPC, DiskFull), (errno.EIO, DiskFailed)])
@pytest.mark.parametrize("scenario", CASES)
def test_a_disk_that_takes_no_more_at_any_effect_is_named_and_nothing_is_claimed(
    templates: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: str,
    number: int,
    raised: type[Exception],
) -> None:
    passed: list[Effect] = []
    monkeypatch.setattr(effects, "passing", passed.append)
    SCENARIOS[scenario](open_house(copied(templates[scenario], tmp_path / "whole")))
    for n, effect in enumerate(passed, 1):
        if effect is Effect.TRANSACTION_BEGUN:
            continue
        house = open_house(copied(templates[scenario], tmp_path / f"{n}-{effect.name}"))
        monkeypatch.setattr(effects, "passing", _raising(number, at=n))
        with pytest.raises(raised, match="run it again"):
            SCENARIOS[scenario](house)

        monkeypatch.setattr(effects, "passing", lambda _: None)
        assert_sound(house, scenario, passed[: n - 1])
        SCENARIOS[scenario](house)
        assert_done(house, scenario)
        house.lake.engine.dispose()


def _raising(number: int, *, at: int):  # noqa: ANN202 - a function of an effect
    passed: list[Effect] = []

    def passing(effect: Effect) -> None:
        passed.append(effect)
        if len(passed) >= at:
            raise OSError(number, "planted")

    return passing


def assert_sound(house: Warehouse, scenario: str, passed: list[Effect]) -> None:
    """Look at a lake right after a crash: what is claimed is there, and what stands is read."""
    assert_catalogue_is_sound(house)
    if scenario == "collect":
        assert NEW == standing(house)
        return
    snapshots = Snapshots(house.lake)
    assert (2 if scenario != "snapshot" or Effect.SNAPSHOT_COMMITTED in passed else 1) == len(snapshots.all())
    if scenario != "pull":
        assert NEW == standing(house)
        for snapshot in snapshots.all():
            assert_whole(snapshots, snapshot.name)
        assert bool(snapshots.find("latest").copies) == (Effect.COPY_COMMITTED in passed)


def assert_done(house: Warehouse, scenario: str) -> None:
    snapshots = Snapshots(house.lake)
    assert NEW == standing(house)
    if scenario == "collect":
        assert {house.lake.find(asset, PARTITION).md5 for asset in ASSETS} == {md5 for md5, _ in objects(house.lake)}
        return
    assert 2 == len(snapshots.all())
    assert_whole(snapshots, "latest")
    assert (scenario in {"push", "pull"}) == bool(snapshots.find("latest").copies)
    if scenario == "checkout":
        assert not (house.settings.root / GONE).exists()
        for entry in snapshots.entries(snapshots.find("latest")):
            there = house.settings.root / "data" / entry.asset / entry.path
            assert entry.md5 == hashlib.md5(there.read_bytes()).hexdigest()  # noqa: S324 - the address of an object


def test_the_version_before_stays_in_the_snapshot_before(templates: dict[str, Path], tmp_path: Path) -> None:
    house = open_house(copied(templates["push"], tmp_path / "lake"))
    snapshots = Snapshots(house.lake)
    newest, oldest = snapshots.all()

    assert OLD == _value(snapshots, oldest.name)
    assert NEW == _value(snapshots, newest.name)


def _value(snapshots: Snapshots, name: str) -> float:
    entry = snapshots.entries(snapshots.find(name))[0]
    return float(pl.read_parquet(snapshots.cache.path(entry.md5))["x"][0])
