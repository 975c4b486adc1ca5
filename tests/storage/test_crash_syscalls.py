"""The numbered effects against what the system is really asked for.

An effect is covered if its number is passed before it and no other effect lies between. Every call that may change a
file of the lake or the catalogue belongs to one effect: calls that fill one file are one effect, those that make and
fill a workspace are one, those that remove one staging folder are one, and SQLite's calls in one transaction are one,
because it commits whole or not.
Not counted, because they hold nothing that a crash could tear: SQLite's shared memory, which the next opener makes
anew, and the opening of its files, which makes an empty log.
"""

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_house import (
    NEW,
    OLD,
    assert_next_run_needs_no_hands,
    assert_old_or_new,
    open_house,
)
from crash_process import CrashServer, crash_server, make_templates
from syscalls import OPENING, Call, Spot, ensure_strace, planted, recorded, spots, traced

from trading_assets.storage.durability.effects import Effect

pytestmark = [pytest.mark.slow, pytest.mark.sqlite, pytest.mark.timeout(900)]

CASES = [("publish", "lived_in"), ("publish", "empty"), ("refuse", "lived_in"), ("fail", "lived_in")]
KINDS = {
    "make": "mkdir",
    "name": "rename",
    "mode": "chmod",
    "sync": "sync",
    "remove": "unlink|rmdir",
    "write": "open|creat|write|truncate|fallocate|mmap|copy_file_range|sendfile",
}
TRANSACTION = ("transaction", "catalogue")
STAGED = r"staging/\d+-pair"
EXPECTED: dict[Effect, tuple[str, str]] = {
    Effect.FOLDER_MADE: ("make", r"(staging|store|quarantine|\.)(/.*)?"),
    Effect.FOLDER_NAME_SYNCED: ("sync", r".*"),
    Effect.DOOR_OPENED: ("write", r"staging/\.lock"),
    Effect.DEAD_STAGING_REMOVED: ("remove", r"staging/9999-of-a-dead-process"),
    Effect.HALF_REFUSAL_REMOVED: ("remove", r"quarantine/.*"),
    Effect.TRANSACTION_BEGUN: TRANSACTION,
    Effect.LAKE_NAMED: ("write", r"catalog-name\.txt"),
    Effect.LAKE_NAME_SYNCED: ("sync", r"catalog-name\.txt"),
    Effect.TICKET_COMMITTED: TRANSACTION,
    Effect.STAGING_MADE: ("make", STAGED),
    Effect.STAGING_LOCKED: ("write", rf"{STAGED}/\.lock"),
    Effect.CIRCUMSTANCES_COMMITTED: TRANSACTION,
    Effect.WORKSPACE_MADE: ("fill", rf"{STAGED}/workspace"),
    Effect.STAGED_FILE_WRITTEN: ("write", rf"{STAGED}/\w+\.parquet"),
    Effect.STAGED_FILE_MOVED: ("name", rf"{STAGED}/\w+\.parquet"),
    Effect.STAGED_FILE_SEALED: ("mode", rf"{STAGED}/\w+\.parquet"),
    Effect.STAGED_FILE_SYNCED: ("sync", rf"{STAGED}/\w+\.parquet"),
    Effect.OBJECT_NAMED: ("name", r"store/files/md5/\w\w/\w{30}"),
    Effect.REPORT_WRITTEN: ("write", rf"{STAGED}/\w+\.parquet\.report\.json"),
    Effect.REPORT_SYNCED: ("sync", rf"{STAGED}/\w+\.parquet\.report\.json"),
    Effect.REPORT_NAMED: ("name", r"quarantine/.*\.report\.json"),
    Effect.REFUSED_FILE_NAMED: ("name", r"quarantine/.*\.parquet"),
    Effect.FOLDER_SYNCED: ("sync", r"(store|quarantine|\.)(/.*)?"),
    Effect.PUBLICATION_COMMITTED: TRANSACTION,
    Effect.REFUSAL_COMMITTED: TRANSACTION,
    Effect.FAILURE_COMMITTED: TRANSACTION,
    Effect.STAGING_REMOVED: ("remove", STAGED),
    Effect.LANDED_FILE_REMOVED: ("remove", r"landing/.*"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[CrashServer]:
    ensure_strace()
    with crash_server() as started:
        yield started


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_templates(tmp_path_factory.mktemp("templates").resolve())


def change_of(call: Call, root: Path) -> tuple[str, str] | None:
    """Say what a call does to what: two calls that do the same to the same are one effect."""
    path = call.paths[-1]
    if path.name.startswith("catalog.sqlite"):
        return None if path.name.endswith("-shm") or call.name in OPENING | {"fchown"} else TRANSACTION
    if call.name == "fdatasync":  # SQLite's way to sync: here the folder of its log
        return TRANSACTION
    kind = next(kind for kind, names in KINDS.items() if re.search(names, call.name))
    lake = root / "var" / "lake"
    subject = str(path.relative_to(lake)) if path.is_relative_to(lake) else ".."
    if kind != "remove" and (found := re.match(rf"{STAGED}/workspace", subject)):
        return "fill", found[0]
    if kind == "remove" and subject.startswith("staging/"):
        subject = "/".join(subject.split("/")[:2])
    return kind, subject


def steps(calls: list[Call], root: Path) -> list[tuple[str, set[tuple[str, str]]]]:
    """Return each mark with what was changed between it and the next."""
    found: list[tuple[str, set[tuple[str, str]]]] = [("before any", set())]
    for call in calls:
        if call.mark:
            found.append((call.mark, set()))
        elif change := change_of(call, root):
            found[-1][1].add(change)
    return found


@pytest.mark.parametrize(("scenario", "template"), CASES)
def test_every_change_that_the_system_is_asked_for_has_a_numbered_effect_of_its_own(
    server: CrashServer, templates: dict[str, Path], tmp_path: Path, scenario: str, template: str
) -> None:
    root = shutil.copytree(templates[template], tmp_path.resolve() / "lake")
    calls = recorded(server, scenario, root, tmp_path / "log")

    seen = steps(calls, root)
    assert sum(len(changes) for _, changes in seen) > 10
    for mark, changes in seen:
        if mark in {"before any", "begin", "end"}:
            assert set() == changes
            continue
        effect = Effect(int(mark))
        assert len(changes) == 1 or (effect is Effect.TRANSACTION_BEGUN and not changes), (effect.name, changes)
        for kind, subject in changes:
            assert EXPECTED[effect][0] == kind, (effect.name, subject)
            assert re.fullmatch(EXPECTED[effect][1], subject), (effect.name, subject)


@pytest.mark.parametrize("scenario", ["publish", "refuse"])
def test_a_kill_at_any_system_call_that_changes_anything_leaves_old_or_new(
    server: CrashServer, templates: dict[str, Path], tmp_path: Path, scenario: str
) -> None:
    killed = 0
    found = calls_of(server, scenario, templates["lived_in"], tmp_path)
    for n, spot in enumerate(found):
        root = shutil.copytree(templates["lived_in"], tmp_path.resolve() / str(n))
        ended = traced(server, scenario, root, tmp_path / "log", *planted(spot, root, "signal=KILL"))
        killed += ended.status == -signal.SIGKILL

        house = open_house(root)
        assert_old_or_new(house, {OLD, NEW} if scenario == "publish" else {OLD})
        assert_next_run_needs_no_hands(house)
        house.lake.engine.dispose()
        shutil.rmtree(root)

    assert len(found) == killed


def calls_of(server: CrashServer, scenario: str, template: Path, tmp_path: Path) -> list[Spot]:
    root = shutil.copytree(template, tmp_path.resolve() / "whole")
    return list(dict.fromkeys(spots(recorded(server, scenario, root, tmp_path / "log"), root)))
