import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import KEY_8, CommandLine, new_project

from trading_assets import read
from trading_assets.cli.terminal import in_one_line, visible
from trading_assets.errors import InvalidIdentifier, TradingAssetsError
from trading_assets.settings import current_settings

HOSTILE = [
    "../../etc/passwd",
    "'; DROP TABLE pointers;--",
    '"',
    "a\nb",
    "A" * 4096 + ".BINANCE",
    "\u0412\u0422\u0421USDT.BINANCE",
    "",
    "BTCUSDT.BINANCE\n",
    "\x1b[31mX.BINANCE",
    "[red]X[/red].BINANCE",
    ":bug:.BINANCE",
    "\udcff.BINANCE",
    "-",
    "\uff22TC.BINANCE",
    "X\u202e.BINANCE",
]
COMMANDS = ["setup", "import", "simulate", "run", "status", "read"]


@pytest.fixture(scope="module")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for everything that must change nothing."""
    return new_project(tmp_path_factory.mktemp("refusing") / "project")


@pytest.fixture
def refusing(shared_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(shared_root, monkeypatch, capsys)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


@pytest.mark.parametrize("name", [*HOSTILE[:4], *(pytest.param(each, marks=pytest.mark.slow) for each in HOSTILE[4:])])
def test_a_hostile_name_is_refused_in_one_line_at_every_door(refusing: CommandLine, name: str) -> None:
    before = refusing.files()
    doors = [
        ("import", f"--instrument={name}", "nothing.gz"),
        ("import", f"--tick-size={name}", "nothing.gz"),
        ("import", "--", name),
        ("run", f"--instrument={name}"),
        ("run", f"--start={name}"),
        ("run", f"--end={name}"),
        ("status", f"--instrument={name}"),
        ("status", f"--start={name}"),
        ("simulate", f"--instrument={name}"),
        ("simulate", f"--start={name}"),
        ("read", "--out=x.csv", "--", name, KEY_8),
        ("read", "--out=x.csv", "--", "captures", name),
        ("read", "--out=x.csv", "--", "captures", f"2024-08-08|{name}"),
        ("read", f"--out={name}.csv", "--", name, KEY_8),
    ]
    said = {door: refusing(*door) for door in doors}

    assert {} == {door: each for door, each in said.items() if not each.is_one_plain_line}
    assert before == refusing.files()
    assert all(len(each.err) < 1200 for each in said.values())


@pytest.mark.parametrize("name", [*HOSTILE, "NUL\0.BINANCE"])
def test_a_hostile_name_is_refused_in_python(name: str) -> None:
    with pytest.raises(InvalidIdentifier):
        read("book_features", name, "2024-08-08", "2024-08-09")
    with pytest.raises(InvalidIdentifier):
        read(name, "BTCUSDT.BINANCE", "2024-08-08", "2024-08-09")
    with pytest.raises(InvalidIdentifier):
        read("book_features", "BTCUSDT.BINANCE", name, "2024-08-09")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_instrument_in_the_settings_is_refused_in_one_line(
    command: CommandLine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_ASSETS_SIMULATE__INSTRUMENTS", f"[{name!a}]")

    assert command("status").is_one_plain_line


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--nope"),
        ("nope",),
        ("simulate", "--days", "x"),
        ("simulate", "--days", "0"),
        ("simulate", "--signal", "nan"),
        ("simulate", "--start", "9999-12-31"),
        ("simulate", "--start", "0001-01-01"),
        ("simulate", "--start", "2300-01-01"),
        ("run", "--start", "2024-08-09", "--end", "2024-08-08"),
        ("run",),
        ("read", "captures"),
        ("read", "captures", KEY_8, "--out", "x.csv"),
        ("import",),
        ("import", "/dev/zero"),
        ("import", "."),
        ("import", "x", "--tick-size", "1e400"),
        ("import", "x", "--tick-size", "-1"),
        ("import", "x", "--lot-size", "sNaN"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(refusing: CommandLine, arguments: tuple[str, ...]) -> None:
    said = refusing(*arguments)

    assert said.is_one_plain_line, said


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("settings.toml", "x = ["),
        ("settings.toml", "\udcff"),
        (".secrets.toml", "x = ["),
        ("settings.toml", "[default.captures]\nmax_line_bytes = 100000000\n"),
        ("settings.toml", "[default]\nfeatures = 5\n"),
    ],
)
def test_settings_that_cannot_be_read_are_one_line(command: CommandLine, file: str, text: str) -> None:
    (command.root / file).write_bytes(text.encode(errors="surrogateescape"))

    assert command("status").is_one_plain_line


def test_a_root_without_a_project_is_one_line(command: CommandLine) -> None:
    (command.root / "settings.toml").unlink()

    assert "there is no settings.toml" in command("status").err


def test_help_begins_with_the_way_from_a_recording_to_a_table(refusing: CommandLine) -> None:
    listed = re.findall(r"^│ ([a-z]+) ", refusing("--help").out, re.MULTILINE)

    assert COMMANDS == listed[: len(COMMANDS)]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_by_an_example_that_fits_a_terminal(refusing: CommandLine, name: str) -> None:
    said = refusing(name, "--help")

    examples = [line.strip() for line in said.out.splitlines() if line.strip().startswith(f"trading-assets {name}")]
    assert examples
    assert 0 == said.code
    assert all(len(line.rstrip()) <= 80 for line in said.out.splitlines())


@pytest.mark.parametrize("group", [(), ("quarantine",), ("db",), ("snapshot",)])
def test_a_group_without_a_command_shows_its_help_and_no_error(refusing: CommandLine, group: tuple[str, ...]) -> None:
    said = refusing(*group)

    assert "--help" in said.out + said.err
    assert "error:" not in said.err


def test_nothing_recorded_is_said_so(refusing: CommandLine) -> None:
    said = refusing("status")

    assert (0, "") == (said.code, said.err)
    assert "nothing is recorded" in said.out


def test_help_needs_neither_dagster_nor_polars() -> None:
    code = (
        "import sys, trading_assets.cli.main\n"
        "print([m for m in ('dagster', 'polars', 'sqlalchemy') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == found.stdout.strip()


def test_what_could_move_a_cursor_is_shown_as_an_escape() -> None:
    assert r"a\x1b[31m\n\u202eb é" == visible("a\x1b[31m\n\u202eb é")
    assert r"\udcff" == visible("\udcff")
    assert "aa … aa" == visible("a" * 9, limit=4)


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    assert in_one_line(ZeroDivisionError("ours")) is None
    assert "no disk" == in_one_line(TradingAssetsError("no disk"))
    assert "/x: No space left on device" == in_one_line(OSError(28, "No space left on device", "/x"))


def test_settings_are_read_once_in_a_process() -> None:
    current_settings.cache_clear()

    assert current_settings() is current_settings()
