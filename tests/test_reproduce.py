"""A model of a whole project made again: by what is at hand, by what was recorded, and after one byte was changed."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.sqlite, pytest.mark.timeout(900)]

PROJECT = Path(__file__).resolve().parents[1]
NEEDED = ("trading_assets", "migrations", "settings.toml", "workspace.yaml", "dagster.yaml", "pyproject.toml")
MODEL = "2024-08-09|SIMBTC.BINANCE"
_RUN = "from trading_assets.cli.main import main; main()"


@dataclass(frozen=True)
class Clone:
    """A copy of this project with a git history of one commit, a published model, and commands run by its own code."""

    root: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(self.root), "TRADING_ASSETS_ROOT": str(self.root)}
        return subprocess.run(
            [sys.executable, "-c", _RUN, *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def git(self, *arguments: str) -> None:
        author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
        subprocess.run(["git", *author, *arguments], cwd=self.root, check=True, capture_output=True)

    def catalogue(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.root / "var" / "catalog.sqlite")) as connection, connection:
            return connection.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone(tmp_path_factory.mktemp("project") / "clone")
    made.root.mkdir()
    for name in NEEDED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, made.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, made.root)
    settings = (made.root / "settings.toml").read_text()
    settings = re.sub("instruments = .*", 'instruments = ["SIMBTC.BINANCE"]', settings)
    (made.root / "settings.toml").write_text(settings.replace("minutes_per_day = 60", "minutes_per_day = 12"))
    (made.root / ".gitignore").write_text("/var/\n__pycache__/\n")
    made.git("init", "--quiet")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message", "begin")
    done = made.run("run", "--or-simulate")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def own(clone: Clone, tmp_path: Path) -> Clone:
    """A copy of the clone that may be harmed."""
    subprocess.run(["cp", "--archive", str(clone.root), str(tmp_path / "own")], check=True)
    return Clone(tmp_path / "own")


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_model_is_made_again_byte_for_byte(clone: Clone) -> None:
    done = clone.run("reproduce", MODEL)

    assert done.returncode == 0, done.stdout + done.stderr
    assert 5 == done.stdout.count(": equal")
    assert "reproduced, byte for byte" in done.stdout
    ((md5,),) = clone.catalogue("select md5 from versions where asset = 'model'")
    assert clone.run("reproduce", md5[:8], "--as-recorded").returncode == 0


def test_what_was_made_again_can_be_looked_at(clone: Clone, tmp_path: Path) -> None:
    before = clone.catalogue("select * from pointers order by instrument_id, asset, day")
    assert clone.run("reproduce", MODEL, "--keep", str(tmp_path / "again")).returncode == 0

    assert (tmp_path / "again" / "kitchen-0" / "catalog.sqlite").is_file()
    assert before == clone.catalogue("select * from pointers order by instrument_id, asset, day")


def test_one_byte_of_the_settings_is_named_and_the_recorded_ones_still_make_it(own: Clone) -> None:
    changed(own.root / "settings.toml", "flat_bps = 0.1", "flat_bps = 0.2")

    refused = own.run("reproduce", MODEL)
    assert refused.returncode == 1
    assert "labels of 2024-08-08|SIMBTC.BINANCE: settings: labels.flat_bps was 0.1, is 0.2" in refused.stderr
    assert own.run("reproduce", MODEL, "--as-recorded").returncode == 0


def test_one_byte_of_the_code_is_named_and_the_recorded_commit_still_makes_it(own: Clone) -> None:
    changed(own.root / "trading_assets" / "features" / "prices.py", "* 0.5)", "* 0.6)")

    refused = own.run("reproduce", MODEL)
    assert refused.returncode == 1
    assert "code: features/prices.py has changed" in refused.stderr
    made = own.run("reproduce", MODEL, "--as-recorded")
    assert made.returncode == 0, made.stdout + made.stderr


def test_one_byte_of_a_capture_is_named(own: Clone) -> None:
    ((md5,),) = own.catalogue("select md5 from versions where asset = 'captures' and day = '2024-08-08'")
    path = own.root / "var" / "lake" / "store" / "files" / "md5" / md5[:2] / md5[2:]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)

    for how in ((), ("--as-recorded",)):
        refused = own.run("reproduce", MODEL, *how)
        assert refused.returncode == 1
        assert f"captures of 2024-08-08|SIMBTC.BINANCE: object {md5} has bytes of md5" in refused.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"flat_bps": 0.1',
            '"flat_bps": 0.3',
            "labels of 2024-08-08|SIMBTC.BINANCE: the record of its settings was changed",
        ),
        ('"files": {"', '"files": {"x', "the record of its sources was changed"),
    ],
)
def test_one_byte_of_what_was_recorded_is_named(own: Clone, old: str, new: str, said: str) -> None:
    own.catalogue("update recorded_texts set text = replace(text, ?, ?)", old, new)

    refused = own.run("reproduce", MODEL, "--as-recorded")
    assert refused.returncode == 1
    assert said in refused.stderr


def test_what_comes_out_otherwise_is_named_with_its_columns(own: Clone) -> None:
    """The published features are claimed to be others: as if the code had not been what the record says."""
    ((right, wrong),) = own.catalogue(
        "select a.md5, b.md5 from versions a, versions b where a.asset = 'labels' and b.asset = 'labels' "
        "and a.day = '2024-08-08' and b.day = '2024-08-09'"
    )
    for table in ("versions", "version_inputs", "pointers"):
        own.catalogue(f"update {table} set md5 = ? where md5 = ?", wrong, right)  # noqa: S608 - our own tables

    refused = own.run("reproduce", MODEL)
    assert refused.returncode == 1
    assert f"labels of 2024-08-08|SIMBTC.BINANCE: was {wrong}, is {right}: columns ts_grid" in refused.stderr


def test_a_model_that_there_is_not_is_an_error_in_words(clone: Clone) -> None:
    for wanted in ("abcdef123", "abc", "2024-08-08|SIMBTC.BINANCE"):
        refused = clone.run("reproduce", wanted)
        assert refused.returncode == 1
        assert "no model" in refused.stderr
