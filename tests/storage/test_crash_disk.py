import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from crash_house import (
    NEW,
    OLD,
    SCENARIOS,
    assert_next_run_needs_no_hands,
    assert_old_or_new,
    copied,
    open_house,
    publish,
)
from crash_process import CrashServer, crash_server, make_templates
from sqlalchemy import event

from trading_assets.errors import DiskFailed, DiskFull
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.records import Judgement

pytestmark = pytest.mark.slow

LIMITS = [0, 100, 1_000, 10_000, 50_000, 90_000]
MANY = tuple(Judgement(f"rule_{n}" * 10, "n", 0.0, 0.0, 0.0, passed=True) for n in range(500))
"""Judgements that need more pages than the catalogue has."""
NOT_WRITING = {Effect.TRANSACTION_BEGUN}
"""It takes a lock."""
TOLERATED = {Effect.DEAD_STAGING_REMOVED, Effect.STAGING_REMOVED, Effect.LANDED_FILE_REMOVED}
"""What cannot be removed stays for the next run: no reason to fail."""
FAULTS = {errno.ENOSPC: (DiskFull, "is full"), errno.EIO: (DiskFailed, "Input/output error")}


@pytest.fixture(scope="module")
def server() -> Iterator[CrashServer]:
    with crash_server() as started:
        yield started


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))["lived_in"]


def passings(scenario: str, root: Path) -> list[Effect]:
    passed: list[Effect] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "passing", passed.append)
        with suppress(ZeroDivisionError):
            SCENARIOS[scenario](open_house(root))
    return passed


@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize("scenario", ["publish", "refuse"])
def test_a_disk_that_takes_no_more_at_any_effect_is_named_and_the_old_version_stands(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: str, number: int
) -> None:
    raised, words = FAULTS[number]
    writing = passings(scenario, copied(lived_in, tmp_path / "whole"))
    for n, effect in enumerate(writing, 1):
        if effect in NOT_WRITING | TOLERATED:
            continue
        house = open_house(copied(lived_in, tmp_path / f"{n}-{effect.name}"))
        monkeypatch.setattr(effects, "passing", raising(number, at=n))
        with pytest.raises(raised, match=words) as told:
            SCENARIOS[scenario](house)

        assert "\n" not in str(told.value)
        assert str(told.value).endswith("run it again")
        monkeypatch.setattr(effects, "passing", lambda _: None)
        assert_old_or_new(house, {OLD})
        assert_next_run_needs_no_hands(house)


def test_a_failure_that_cannot_be_recorded_is_the_one_that_is_told(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = passings("fail", copied(lived_in, tmp_path / "whole"))
    at = passed.index(Effect.FAILURE_COMMITTED) + 1
    monkeypatch.setattr(effects, "passing", raising(errno.ENOSPC, at=at))

    with pytest.raises(ZeroDivisionError):
        SCENARIOS["fail"](open_house(copied(lived_in, tmp_path / "lake")))


def raising(number: int, *, at: int) -> Any:
    """Raise from the `at`-th passing on: a full disk is full for the attempt to say so, too."""
    passed = []

    def passing(effect: Effect) -> None:
        passed.append(effect)
        if len(passed) >= at and effect not in TOLERATED:
            raise OSError(number, "planted")

    return passing


@pytest.mark.sqlite
@pytest.mark.parametrize("n_pages_more", range(8))
def test_a_catalogue_without_room_is_named_and_the_old_version_stands(
    lived_in: Path, tmp_path: Path, n_pages_more: int
) -> None:
    house = open_house(copied(lived_in, tmp_path / "lake"))

    @event.listens_for(house.lake.engine, "connect")
    def limit(connection: Any, _: object) -> None:
        (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={n_pages + n_pages_more}")

    with pytest.raises(DiskFull, match="the disk of the catalogue is full"):
        publish(house, NEW, MANY)

    house = open_house(house.settings.root)
    assert_old_or_new(house, {OLD})
    assert_next_run_needs_no_hands(house)


@pytest.mark.sqlite
@pytest.mark.parametrize("effect", [Effect.DOOR_OPENED, Effect.STAGED_FILE_WRITTEN])
@pytest.mark.parametrize("scenario", ["publish", "refuse"])
def test_a_limit_on_the_size_of_files_is_named_wherever_it_is_met(
    server: CrashServer, lived_in: Path, tmp_path: Path, scenario: str, effect: Effect
) -> None:
    told = []
    for n_bytes in LIMITS:
        root = copied(lived_in, tmp_path / str(n_bytes))
        ended = server.run(scenario, root, max_file_bytes=n_bytes, limited_from=effect)
        told.append((ended.error or "").partition(":")[0])

        house = open_house(root)
        assert_old_or_new(house, {OLD} if ended.error or scenario == "refuse" else {NEW})
        assert_next_run_needs_no_hands(house)
        house.lake.engine.dispose()

    assert "DiskFailed" == told[0] if effect is Effect.DOOR_OPENED else "DiskFull" == told[0]
    assert {"", "DiskFull", "DiskFailed"} >= set(told)
    assert "" == told[-1]
