import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import new_project
from own_peak import OWN_PEAK

from benchmarks.looped import loop_capture
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.reading import read_table
from trading_assets.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.sqlite, pytest.mark.timeout(1800)]

DAY = "2024-08-08"
TABLES = ("raw_l2_snapshots", "raw_trades", "feed_gaps", "dead_letters", "book_features", "labels")
LIMIT_KB = 2 * 1024**2
KEPT_TICKERS = 10
"""One ticker in so many is kept: most lines of a recording are tickers, and no book is made of them."""
MARKETS = {"BTCUSDT.BINANCE": 12, "BTCUSDT.BINANCE_USDM": 6, "BTCUSD_PERP.BINANCE_COINM": 6}
"""Turns of the recording that are a tenth of a day.

So many, because buffers must be full in the smaller day too: a turn of spot is 3,451 updates of the book, one of USD-M
6,551, so that the smaller day has some 40,000 rows of books, more than a group of rows (32,768) and five windows of
messages (8,192). Ten times as many turns of spot last 41,000 s, more ticks than features are computed of at once.
"""
SETTINGS = {"POLARS_MAX_THREADS": "2", "TRADING_ASSETS_RETENTION__SUPERSEDED_DAYS": "30"}
"""Few threads, so that a machine of many takes what this one does; and a retention, without which nothing is tidied."""
MEASURED = f"""{OWN_PEAK}
from trading_assets.cli.main import main
try:
    main()
finally:
    Path("peak").write_text(str(own_peak_kib()))
"""
"""The command, and then its own peak in KiB."""


def as_recorded(shared_data: Path, instrument: str, out: Path) -> Path:
    """A real recording with fewer tickers; of COIN-M there is none, so USD-M's is spelled as COIN-M spells it."""
    spot = instrument == "BTCUSDT.BINANCE"
    source = shared_data / f"captures/{'binance' if spot else 'binance_usdm'}/BTCUSDT/{DAY}.jsonl.gz"
    with gzip.open(source) as lines, gzip.open(out, "wb", 1) as thinned:
        spell = (lambda line: line) if not instrument.endswith("COINM") else coinm
        thinned.writelines(map(spell, fewer_tickers(lines)))
    return out


def fewer_tickers(lines: Iterator[bytes]) -> Iterator[bytes]:
    n_tickers = 0
    for line in lines:
        n_tickers += b"bookTicker" in line
        if b"bookTicker" not in line or n_tickers % KEPT_TICKERS == 0:
            yield line


def coinm(line: bytes) -> bytes:
    """Name the contract as COIN-M's messages do: its pair beside it, but for trades."""
    time_ns, _, text = line.partition(b" ")
    document = json.loads(text)
    if "stream" not in document:
        return b"%s %s\n" % (time_ns, spelled(document | {"symbol": "BTCUSD_PERP", "pair": "BTCUSD"}))
    said = {}
    for key, value in document["data"].items():
        said[key] = "BTCUSD_PERP" if key == "s" else value
        if key == "s" and document["data"]["e"] != "trade":
            said["ps"] = "BTCUSD"
    stream = document["stream"].replace("btcusdt", "btcusd_perp")
    return b"%s %s\n" % (time_ns, spelled({"stream": stream, "data": said}))


def spelled(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Project:
    """A project of its own, and the command in processes of its own."""

    root: Path

    @property
    def lake(self) -> Path:
        return self.root / "var" / "lake"

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        own = {"TRADING_ASSETS_ROOT": str(self.root), "DAGSTER_HOME": "", **SETTINGS}
        command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
        with (self.root / "said").open("wb") as said:
            return subprocess.Popen(command, cwd=self.root, env={**os.environ, **own}, stdout=said, stderr=said)

    def peak_kb(self, *arguments: str | Path) -> int:
        """Run a command to its end."""
        assert self.start(*arguments).wait() == 0, (self.root / "said").read_text()[-3000:]
        return int((self.root / "peak").read_text())

    def copy(self, root: Path) -> "Project":
        return Project(Path(shutil.copytree(self.root, root, symlinks=True)))

    def pointers(self) -> dict[str, str]:
        """The md5 that stands, by asset."""
        with sqlite3.connect(self.root / "var" / "catalog.sqlite") as catalog:
            asked = "select p.asset, v.md5 from pointers p join versions v on v.id = p.version_id"
            return dict(catalog.execute(asked).fetchall())

    def files(self) -> dict[str, int]:
        """Everything in the lake but locks, with its size."""
        found = (path for path in self.lake.rglob("*") if path.is_file() and path.name != ".lock")
        return {str(path.relative_to(self.lake)): path.stat().st_size for path in found}

    def staging(self) -> list[str]:
        """What attempts have a folder of their own, living or dead."""
        return [path.name for path in (self.lake / "staging").iterdir() if path.is_dir()]

    def n_rows(self, table: str, instrument: str) -> int:
        """How many rows can be read."""
        settings = load_settings(self.root, environment="development")
        return len(read_table(table, instrument, DAY, DAY, warehouse=Warehouse.open(settings)).collect())


def peaks(capture: Path, root: Path) -> dict[str, int]:
    """What importing a capture and running all that can be made of it take, in kB."""
    project = Project(new_project(root))
    found = {"import": project.peak_kb("import", capture), "run": project.peak_kb("run")}
    assert set(TABLES) <= set(project.pointers())
    shutil.rmtree(root)
    return found


@pytest.mark.parametrize("instrument", MARKETS)
def test_a_day_takes_the_memory_of_its_tenth(instrument: str, shared_data: Path, tmp_path: Path) -> None:
    source = as_recorded(shared_data, instrument, tmp_path / "source.gz")
    found = []
    for times in (MARKETS[instrument], 10 * MARKETS[instrument]):
        loop_capture(source, tmp_path / "looped.jsonl.gz", times)
        found.append(peaks(tmp_path / "looped.jsonl.gz", tmp_path / "project"))
    tenth, day = found

    assert max(day.values()) < LIMIT_KB, found
    assert day["import"] <= 1.1 * tenth["import"], found
    assert day["run"] <= 1.1 * tenth["run"], found


@dataclass(frozen=True)
class Moment:
    """When a command is killed: a file of a step's staging folder has grown beyond some bytes."""

    step: str
    file: str
    n_bytes: int

    def is_reached(self, project: Project) -> bool:
        found = project.lake.glob(f"staging/*-{self.step}/{self.file}")
        return any(path.stat().st_size > self.n_bytes for path in found)


REBUILDING = Moment("raw_books", "workspace/raw_l2_snapshots.parquet", 1_000_000)
COMPUTING = Moment("book_features", ".lock", -1)
AUDITED = Moment("book_features", "book_features.parquet", 1)


@pytest.fixture(scope="module")
def days(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, str]]:
    """A project with tables of a short day, and the capture of a longer one imported; and what it undisturbed makes."""
    root = tmp_path_factory.mktemp("looped")
    source = as_recorded(shared_data, "BTCUSDT.BINANCE_USDM", root / "source.gz")
    project = Project(new_project(root / "project"))
    for times in (1, 8):
        loop_capture(source, root / "looped.jsonl.gz", times)
        if times > 1:
            project.peak_kb("run")
        project.peak_kb("import", root / "looped.jsonl.gz")
    undisturbed = project.copy(root / "undisturbed")
    undisturbed.peak_kb("run")
    return project, undisturbed.pointers()


def killed_at(moment: Moment, project: Project) -> None:
    running = project.start("run")
    while not moment.is_reached(project):
        assert running.poll() is None, (project.root / "said").read_text()[-3000:]
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()


@pytest.mark.parametrize("moment", [REBUILDING, COMPUTING, AUDITED], ids=["rebuilding", "computing", "audited"])
def test_a_killed_run_leaves_nothing_and_moves_nothing(
    moment: Moment, days: tuple[Project, dict[str, str]], tmp_path: Path
) -> None:
    prepared, undisturbed = days
    project = prepared.copy(tmp_path / "killed")
    unmade = TABLES if moment == REBUILDING else ("book_features", "labels")
    before, stood = project.files(), project.pointers()

    killed_at(moment, project)

    now = project.pointers()
    assert [] != project.staging()
    assert {name: stood[name] for name in unmade} == {name: now[name] for name in unmade}
    assert all(project.n_rows(name, "BTCUSDT.BINANCE_USDM") > 0 for name in ("raw_l2_snapshots", *unmade[:1]))
    project.peak_kb("tidy")
    assert [] == project.staging()
    published = {f"store/files/md5/{md5[:2]}/{md5[2:]}" for md5 in now.values()}
    assert before.keys() | published == project.files().keys()
    assert before.items() <= project.files().items()
    project.peak_kb("run")
    assert undisturbed == project.pointers()
    assert [] == project.staging()
