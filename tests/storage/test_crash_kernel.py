import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash_house import (
    NEW,
    OLD,
    assert_next_run_needs_no_hands,
    assert_old_or_new,
    open_house,
)
from crash_process import CrashServer, Ended, crash_server, make_templates
from syscalls import OPENING, Spot, ensure_strace, planted, recorded, spots, traced

pytestmark = [pytest.mark.slow, pytest.mark.sqlite, pytest.mark.timeout(900)]

TAKING_ROOM = OPENING | {"write", "pwrite64", "mkdir", "rename", "ftruncate"}
SYNCING = {"fsync", "fdatasync"}
DISK_KIB = 1024


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates").resolve())["lived_in"]


def assert_told_and_old(ended: Ended, root: Path) -> None:
    """A fault was named in one line and nothing was published; or it did no harm, and the step went on."""
    house = open_house(root)
    assert ended.passed, "it did not come back"
    if ended.error:
        assert ended.error.startswith(("DiskFull: ", "DiskFailed: ")), ended.error
        assert ended.error.endswith("run it again")
    assert_old_or_new(house, {OLD if ended.error or "refuse" in root.name else NEW})
    assert_next_run_needs_no_hands(house)
    house.lake.engine.dispose()


@pytest.mark.parametrize(("fault", "calls"), [("error=ENOSPC", TAKING_ROOM), ("error=EIO", SYNCING)])
@pytest.mark.parametrize("scenario", ["publish", "refuse"])
def test_an_error_of_the_system_at_any_call_is_told_and_the_old_version_stands(
    server: CrashServer, lived_in: Path, tmp_path: Path, scenario: str, fault: str, calls: set[str]
) -> None:
    n_told = 0
    found = [spot for spot in calls_of(server, scenario, lived_in, tmp_path) if spot.name in calls]
    for n, spot in enumerate(found):
        root = shutil.copytree(lived_in, tmp_path.resolve() / f"{scenario}-{n}")
        ended = traced(server, scenario, root, tmp_path / "log", *planted(spot, root, fault))
        assert_told_and_old(ended, root)
        n_told += ended.error is not None
        shutil.rmtree(root)

    assert n_told > len(found) // 2


@pytest.fixture(scope="module")
def server() -> Iterator[CrashServer]:
    ensure_strace()
    with crash_server() as started:
        yield started


def calls_of(server: CrashServer, scenario: str, template: Path, tmp_path: Path) -> list[Spot]:
    root = shutil.copytree(template, tmp_path.resolve() / "whole")
    return list(dict.fromkeys(spots(recorded(server, scenario, root, tmp_path / "log"), root)))


@pytest.mark.parametrize("scenario", ["publish", "refuse"])
def test_a_disk_that_is_really_full_is_told_however_much_room_it_has_left(
    lived_in: Path, tmp_path: Path, scenario: str
) -> None:
    told = set()
    with small_disk(tmp_path) as (server, disk, inside):
        for n_kib in range(0, 200, 8):
            shutil.copytree(lived_in, disk / scenario)
            filler = fill(disk, leave_kib=n_kib)
            ended = server.run(scenario, inside / scenario)
            told.add((ended.error or "").partition(":")[0])
            filler.unlink()
            left = shutil.copytree(disk / scenario, tmp_path / f"{scenario}-{n_kib}")
            shutil.rmtree(disk / scenario)
            assert_told_and_old(ended, left)

    assert {"", "DiskFull"} <= told


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[CrashServer, Path, Path]]:
    """Start a server that has a small disk to itself; yield it with the disk as we see it, and as it does."""
    inside = folder / "disk"
    inside.mkdir()
    mount = f'mount -t tmpfs -o size={DISK_KIB}k none "{inside}" && exec "$@"'
    wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*wrapper, "true"], check=False, capture_output=True).returncode
    ):
        # mounting needs user namespaces, which some systems switch off; the same errors are injected in other tests
        pytest.skip("this system lets nobody mount a small disk of his own (unshare --user --mount)")
    with crash_server(wrapper) as server:
        yield server, Path(f"/proc/{server.process.pid}/root", *inside.parts[1:]), inside


def fill(disk: Path, *, leave_kib: int) -> Path:
    """Fill a disk up to some room."""
    path = disk / "filler"
    status = os.statvfs(disk)
    assert DISK_KIB * 1024 == status.f_blocks * status.f_frsize, "this is not the small disk"
    path.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - leave_kib * 1024)))
    return path
