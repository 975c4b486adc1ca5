import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from crash_house import (
    ASSETS,
    NEW,
    OLD,
    PARTITION,
    SCENARIOS,
    assert_next_run_needs_no_hands,
    assert_old_or_new,
    assert_whole,
    open_house,
    publish,
    take,
)
from crash_process import make_templates
from power_loss import Disk, Loss

from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.snapshots.snapshots import Snapshots

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]

CASES = [("publish", "lived_in"), ("publish", "empty"), ("refuse", "lived_in")]
BEFORE = {"lived_in": OLD, "empty": None}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.mark.parametrize(("scenario", "template"), CASES)
def test_a_loss_of_power_before_any_effect_leaves_old_or_new_and_the_next_run_needs_no_hands(
    templates: dict[str, Path], tmp_path: Path, scenario: str, template: str
) -> None:
    root = shutil.copytree(templates[template], tmp_path / "lake")
    passed: list[Effect] = []
    survivors: list[tuple[Path, float | None]] = []

    def crash(disk: Disk, effect: Effect) -> None:
        stands = NEW if Effect.PUBLICATION_COMMITTED in passed else BEFORE[template]
        passed.append(effect)
        for loss in Loss:
            name = f"{len(passed)}-{effect.name}-{loss.value}"
            survivors.append((disk.survives_as(tmp_path / name, loss), stands))

    play(SCENARIOS[scenario], Disk(root), crash)

    assert len(survivors) > 2 * 20
    for survivor, stands in survivors:
        house = open_house(survivor)
        assert_old_or_new(house, {stands})
        assert_next_run_needs_no_hands(house)
        house.lake.engine.dispose()


def test_a_loss_of_power_before_any_effect_leaves_a_snapshot_whole_or_not_there(
    templates: dict[str, Path], tmp_path: Path
) -> None:
    root = shutil.copytree(templates["lived_in"], tmp_path / "lake")
    house = open_house(root)
    take(house)
    publish(house, NEW)
    passed: list[Effect] = []
    survivors: list[tuple[Path, int]] = []

    def crash(disk: Disk, effect: Effect) -> None:
        survivors.extend(
            (
                disk.survives_as(tmp_path / f"{len(passed)}-{loss.value}", loss),
                1 + (Effect.SNAPSHOT_COMMITTED in passed),
            )
            for loss in Loss
        )
        passed.append(effect)

    def take_and_look_back(house: Warehouse) -> None:
        take(house)
        effects.passing(Effect.STAGING_REMOVED)  # once more, after the last effect of its own

    play(take_and_look_back, Disk(root), crash)

    assert {1, 2} == {n for _, n in survivors}
    for survivor, n_snapshots in survivors:
        house = open_house(survivor)
        snapshots = Snapshots(house.lake)
        assert n_snapshots == len(snapshots.all())
        for snapshot in snapshots.all():
            assert_whole(snapshots, snapshot.name)
        take(house)
        assert_whole(snapshots, "latest")
        house.lake.engine.dispose()


@pytest.mark.parametrize("scenario", ["publish", "refuse"])
def test_folders_that_a_killed_process_made_and_did_not_sync_do_not_lose_what_is_put_into_them(
    templates: dict[str, Path], tmp_path: Path, scenario: str
) -> None:
    root = shutil.copytree(templates["empty"], tmp_path / "lake")
    lake = open_house(root).lake.store.root
    lake.mkdir(parents=True)
    disk = Disk(root)
    for folder in [
        "store/files/md5",
        *(f"quarantine/{name}/{PARTITION.day}/{PARTITION.instrument}" for name in ASSETS),
    ]:
        (lake / folder).mkdir(parents=True)

    play(SCENARIOS[scenario], disk, lambda *_: None)

    house = open_house(disk.survives_as(tmp_path / "survivor", Loss.ALL))
    assert_old_or_new(house, {NEW if scenario == "publish" else None})


def play(scenario: Callable[[Warehouse], None], disk: Disk, crash: Callable[[Disk, Effect], None]) -> None:
    """Play a scenario on a disk, and crash before each of its effects."""
    fsync = os.fsync

    def syncing(descriptor: int) -> None:
        fsync(descriptor)
        disk.sync(descriptor)

    house = open_house(disk.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "passing", partial(crash, disk))
        patch.setattr(os, "fsync", syncing)
        scenario(house)
