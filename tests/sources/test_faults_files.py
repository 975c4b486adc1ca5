import gzip
import json
from pathlib import Path

import pytest
import zstandard
from capture_files import content, gzipped, noise, plain, zstd
from command_line import PROJECT, CommandLine
from fault_lines import recording

from trading_assets.errors import ImpossibleFaults, NotACapture
from trading_assets.sources.faults import files
from trading_assets.sources.faults.request import Request
from trading_assets.sources.faults.truth import damage_file

LINES = recording(100)
DROP = Request(drop=2)
ALL = ("--drop", "3", "--repeat", "1%", "--swap", "2", "--delay", "1", "--corrupt", "1", "--cross", "1")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    (tmp_path / "settings.toml").write_bytes((PROJECT / "settings.toml").read_bytes())
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    return gzipped(tmp_path / "day.jsonl.gz", LINES)


@pytest.mark.parametrize("write", [plain, gzipped, zstd])
@pytest.mark.parametrize("name", ["bad.jsonl", "bad.jsonl.gz", "bad.jsonl.zst"])
def test_whatever_packs_the_input_the_name_packs_the_output(write: object, name: str, tmp_path: Path) -> None:
    source = write(tmp_path / "day", LINES)  # type: ignore[operator]  # a table of writers
    truth = damage_file(source, tmp_path / name, DROP, seed=1)
    again = damage_file(source, tmp_path / "again" / name, DROP, seed=1)

    magic = {"l": b"17231184", "z": b"\x1f\x8b", "t": b"\x28\xb5\x2f\xfd"}[name[-1]]
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert len(content(tmp_path / name).splitlines()) == truth.n_lines_out == len(LINES) - 2
    assert truth == again


def test_the_last_line_gets_its_line_feed_and_carriage_returns_stay(tmp_path: Path) -> None:
    lines = [LINES[0].replace(b"\n", b"\r\n"), *LINES[1:-1], LINES[-1].removesuffix(b"\n")]
    damage_file(plain(tmp_path / "day", lines), tmp_path / "bad", Request(), seed=1)

    assert (tmp_path / "bad").read_bytes() == b"".join(lines) + b"\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (gzip.compress(b"".join(LINES))[:-30], "damaged already .*cut off"),
        (zstandard.ZstdCompressor().compress(noise(9999))[:-30], "damaged already"),
        (gzip.compress(b""), "is empty"),
        (noise(5000), "no line is a message"),
        (b'{"e":"depthUpdate"}\n', "no line is a message"),
    ],
    ids=["empty", "gzip cut off", "zstd cut off", "packed nothing", "noise", "no receive time"],
)
def test_what_is_no_sound_capture_is_refused_and_nothing_is_written(data: bytes, why: str, tmp_path: Path) -> None:
    source = tmp_path / "day"
    source.write_bytes(data)

    with pytest.raises(NotACapture, match=why):
        damage_file(source, tmp_path / "bad", DROP, seed=1)
    assert [source] == list(tmp_path.iterdir())


def test_more_than_fits_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 1000)

    with pytest.raises(NotACapture, match="damage a part of it"):
        files.read_lines(plain(tmp_path / "day", LINES))


def test_the_input_is_never_written_to_under_any_of_its_names(day: Path) -> None:
    before = day.read_bytes()
    link, hard = day.with_name("link"), day.with_name("hard")
    link.symlink_to(day)
    hard.hardlink_to(day)

    for target, truth in ((day, None), (link, None), (hard, None), (day.with_name("bad"), day)):
        with pytest.raises(ImpossibleFaults, match="would be written over"):
            damage_file(day, target, DROP, seed=1, truth=truth)
    with pytest.raises(ImpossibleFaults, match="would be written over"):
        damage_file(link, day.with_name("bad"), DROP, seed=1, truth=day.with_name("bad"))
    assert before == day.read_bytes()
    assert {"day.jsonl.gz", "link", "hard"} == {path.name for path in day.parent.iterdir()}


def test_the_command_says_what_it_did_and_what_must_follow(command: CommandLine, day: Path) -> None:
    said = command("faults", day, "--out", day.with_name("bad.gz"), *ALL, "--seed", "7")
    truth = json.loads(day.with_name("bad.gz.truth.json").read_text())

    assert (said.code, said.err) == (0, "")
    assert "1 cross, 2 swap, 1 delay, 2 repeat, 1 corrupt, 3 drop" in said.out
    assert f"{truth['n_lines_out']} lines of 201" in said.out
    assert "1 dead letters" in said.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "no fault was asked for"),
        (("--drop", "9999"), "room for 200"),
        (("--drop", "nan"), "write a count"),
        (("--skew", "1%"), "a number of episodes"),
        (("--drop", "1", "--kind", "trades"), "of update, snapshot, trade, ticker"),
        (("--drop", "1", "--skew-clock", "wall"), "event or receive"),
        (("--drop", "1", "--max-delay-ms", "0"), "1 to 60000"),
        (("--drop", "1", "--yesterday", "nothing.gz"), "cannot be read"),
    ],
)
def test_the_command_refuses_in_one_line(command: CommandLine, day: Path, words: tuple[str, ...], why: str) -> None:
    said = command("faults", day, "--out", day.with_name("bad"), *words)

    assert said.is_one_plain_line
    assert why in said.err
    assert not day.with_name("bad").exists()


def test_the_command_never_writes_over_what_it_reads(command: CommandLine, day: Path) -> None:
    before = day.read_bytes()
    said = command("faults", day, "--out", day, "--drop", "1")

    assert said.is_one_plain_line
    assert before == day.read_bytes()
