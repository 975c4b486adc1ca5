import io
import shutil
import sys
from pathlib import Path

import pytest
from catalogs import adopt_copy, copy_catalog, settings_in
from command_line import CommandLine, new_project

from trading_assets.definitions import STEPS
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.importing import land
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.sources.simulator.captures import write_captures
from trading_assets.sources.simulator.recording import Recording
from trading_assets.storage.registry import TickRules

KEY = "2024-08-08|SIMBTC.BINANCE"
OUTPUTS = ["dead_letters", "feed_gaps", "raw_l2_snapshots", "raw_trades"]
REASON = "the venue confirms that it halted trading"


class Typed(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def refused_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one market's captures stand and its books were refused, with ticket 2."""
    root = new_project(tmp_path_factory.mktemp("refused") / "project")
    settings = settings_in(root, project=root)
    house = Warehouse.open(
        settings.model_copy(update={"gate": settings.gate.model_copy(update={"min_valid_share": 1})})
    )
    partition = Partition.parse(KEY)
    recording = Recording(start_day=partition.day, days=1, minutes_per_day=1, signal_strength=0.5, seed=1)
    for path in write_captures(root.parent / "recordings", [Instrument.parse("SIMBTC.BINANCE")], recording):
        land(path, house, instrument=None, rules=TickRules())
    outcomes = [execute(step, partition, house, run_id="run") for step in STEPS[:2]]
    assert ["captures"] == [outcome.step.name for outcome in outcomes if outcome.refusal is None]
    house.lake.engine.dispose()
    return root


@pytest.fixture
def command(
    refused_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    copy_catalog(refused_root, tmp_path / "p")
    shutil.copytree(refused_root, tmp_path / "p", symlinks=True)
    adopt_copy(refused_root, tmp_path / "p")
    return CommandLine(tmp_path / "p", monkeypatch, capsys)


def test_the_list_names_what_waits_its_failed_rules_and_what_stands(command: CommandLine) -> None:
    said = command("quarantine", "list")

    assert (0, 4) == (said.code, said.out.count("waiting"))
    assert all(name in said.out for name in [*OUTPUTS, KEY, "book_is_mostly_valid", "nothing"])
    assert 1 == command("quarantine", "list", "--asset", "raw_trades").out.count("waiting")
    assert "nothing was refused" in command("quarantine", "list", "-i", "OTHER.BINANCE").out
    assert "nothing was refused" in command("quarantine", "list", "--start", "2024-08-09").out


def test_a_refused_file_is_shown_with_its_rules_the_failed_first(command: CommandLine) -> None:
    said = command("quarantine", "show", "raw_l2_snapshots", KEY)

    verdicts = [line for line in said.out.splitlines() if "passed" in line or "failed" in line]
    assert "book_is_mostly_valid" in verdicts[0]
    assert "failed" not in "".join(verdicts[1:])
    assert "stands: nothing" in said.out
    assert 4 == command("quarantine", "show", "2").out.count("ticket 2: waiting")


def test_a_refused_file_is_compared_where_nothing_stands_and_where_it_is_damaged(command: CommandLine) -> None:
    said = command("quarantine", "diff", "raw_trades", KEY)
    assert (0, True) == (said.code, "nothing stands" in said.out)
    assert "aggressor_side" in said.out
    (path,) = command.root.glob("var/lake/quarantine/raw_trades/*/*/2.parquet")
    path.unlink()

    damaged = command("quarantine", "diff", "raw_trades", KEY)

    assert (0, True) == (damaged.code, "No such file" in damaged.err)


def test_accepting_publishes_and_the_status_says_on_whose_word(command: CommandLine) -> None:
    said = command("quarantine", "accept", "2", "--yes", "--reason", REASON)

    assert (0, 4) == (said.code, said.out.count("published"))
    status = command("status").out
    assert 4 == status.count(REASON)
    assert "quarantined" not in status
    assert "raw_books" not in command("run", "--dry-run").out
    assert "--all shows 4 more" in command("quarantine", "list").out
    assert 0 == command("read", "raw_trades", KEY, "--out", command.root / "t.csv").code
    assert 4 == command("audit").out.count(REASON)


def test_an_accepted_file_is_compared_with_itself(command: CommandLine) -> None:
    command("quarantine", "accept", "2", "--yes", "--reason", REASON)

    assert "0 changed, 0 only refused, 0 only standing" in command("quarantine", "diff", "raw_trades", KEY).out


def test_dropping_removes_the_files_twice_without_a_word(command: CommandLine) -> None:
    said = command("quarantine", "drop", "2", "--yes")

    assert (0, 4) == (said.code, said.out.count("dropped"))
    assert 0 == command("quarantine", "drop", "2", "--yes").code
    assert [] == [path for path in command.root.glob("var/lake/quarantine/**/*") if path.is_file()]
    assert 4 == command("audit").out.count("drop")
    assert command("quarantine", "accept", "2", "--yes", "--reason", REASON).is_one_plain_line


@pytest.mark.parametrize(("typed", "code"), [("2\n", 0), ("3\n", 1), ("\n", 1), ("y\n", 1)])
def test_a_person_confirms_by_typing_the_ticket(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(typed))

    assert code == command("quarantine", "drop", "2").code
    assert (code == 0) == ("nothing waits" in command("quarantine", "list").out)


@pytest.mark.parametrize(
    "arguments",
    [
        ("accept", "2", "--yes"),
        ("accept", "2", "--yes", "--reason", "ok"),
        ("accept", "2", "--reason", REASON),
        ("accept", "3", "--yes", "--reason", REASON),
        ("drop", "2"),
        ("drop", "-1", "--yes"),
        ("drop", "1" * 40, "--yes"),
        ("drop", "\u0662", "--yes"),
        ("show", "x"),
        ("show", "raw_trades", "x"),
        ("show", "chair", KEY),
        ("diff", "1"),
        ("list", "--asset", "../x"),
        ("nope",),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_and_changes_nothing(
    command: CommandLine, arguments: tuple[str, ...]
) -> None:
    said = command("quarantine", *arguments)

    assert said.code != 0
    assert said.err.count("\n") == 1
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert 4 == command("quarantine", "list").out.count("waiting")


@pytest.mark.parametrize("name", ["list", "show", "diff", "accept", "drop"])
def test_help_teaches_by_an_example(command: CommandLine, name: str) -> None:
    said = command("quarantine", name, "--help")

    assert f"trading-assets quarantine {name}" in "".join(
        line for line in said.out.splitlines() if line.strip().startswith("trading-assets")
    )
    assert all(len(line.rstrip()) <= 80 for line in said.out.splitlines())
