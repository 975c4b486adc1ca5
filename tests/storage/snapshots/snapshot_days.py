"""Small lakes whose snapshots tests take, and stock `dvc` as a judge of them: plain functions, for any process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import polars as pl

from trading_assets.identifiers import Partition
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Draft, Judgement, Origin, Version

PROJECT = Path(__file__).resolve().parents[3]
PASSED = (Judgement("is_fine", "n", 0.0, 0.0, 0.0, passed=True),)
ORIGIN = Origin("1", "settings", ())
MARKET = "BTCUSDT.BINANCE"
DAYS = tuple(f"2024-08-{day:02d}" for day in range(1, 11))


def publish(
    lake: Lake, asset: str, day: str, values: list[float], *, market: str = MARKET, origin: Origin = ORIGIN
) -> Version:
    """Publish one table of one column, as `execute` does after its gate."""
    partition = Partition.parse(f"{day}|{market}")
    with lake.ticket(asset, partition, run_id="run") as ticket:
        frame = pl.DataFrame({"x": values})
        made = lake.stage(ticket, asset, PARQUET, lambda path: write_parquet(frame, path))
        return lake.publish(ticket, [Draft(made.asset, made.suffix, made.file, PASSED)], origin)[asset]


def fill(lake: Lake, assets: tuple[str, ...] = ("books", "trades"), days: tuple[str, ...] = DAYS) -> None:
    """Publish a table of each asset and day."""
    for asset in assets:
        for n, day in enumerate(days):
            publish(lake, asset, day, [float(n), float(len(asset))])


def as_dvc_project(root: Path) -> None:
    """Make a folder a git and DVC repository, as a clone of this project is one."""
    (root / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", root / ".dvc")
    (root / ".gitignore").write_text("/data/\n/var/\n/.dvc/config.local\n/.dvc/tmp\n")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "begin"]):
        subprocess.run(["git", *_AUTHOR, *command], cwd=root, check=True, capture_output=True)


_AUTHOR = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")


def dvc(root: Path, *arguments: str, fails: bool = False) -> str:
    """Run stock `dvc` in a folder; return what it printed."""
    beside = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [f"{beside}/dvc", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert fails == bool(done.returncode), done.stdout + done.stderr
    return done.stdout + done.stderr


def files_under(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def overwritten(path: Path, content: bytes) -> None:
    """Change a file in place, and keep its times, as a failing disk does."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)
    os.utime(path, ns=times)


def flipped(content: bytes, chance: Random) -> bytes:
    """Return bytes of which one bit, somewhere, is another."""
    changed = bytearray(content)
    bit = chance.randrange(8 * len(changed))
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def truncated(content: bytes, chance: Random) -> bytes:
    """Return bytes that end too soon, somewhere."""
    return content[: chance.randrange(len(content))]
