import json
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine, new_project
from sim_days import FIRST, SECOND, SIMBTC, sound_house


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


@pytest.fixture
def recorded(project: CommandLine) -> CommandLine:
    sound_house(project.root).lake.engine.dispose()
    return project


def test_a_report_of_nothing_is_one_line_that_says_what_to_do(project: CommandLine) -> None:
    said = project("report")

    assert said.is_one_plain_line
    assert "nothing is recorded for that" in said.err


def test_the_report_is_written_where_the_help_says_it_is(recorded: CommandLine) -> None:
    said = recorded("report")

    assert 0 == said.code, said.err
    assert "2 days → " in said.out
    assert (recorded.root / "var" / "report.html").read_text().endswith("</html>")


def test_days_and_instruments_are_chosen(recorded: CommandLine, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    said = recorded("report", "-i", str(SIMBTC), "--start", str(SECOND.day), "--out", page)

    assert 0 == said.code, said.err
    assert f'id="{SIMBTC}-{SECOND.day}"' in page.read_text()
    assert f'id="{SIMBTC}-{FIRST.day}"' not in page.read_text()


@pytest.mark.parametrize("target", ["absent/report.html", "folder", "/proc/report.html"])
def test_a_page_that_cannot_be_written_is_one_line(recorded: CommandLine, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    said = recorded("report", "--out", tmp_path / target)

    assert said.is_one_plain_line


def test_a_report_that_fails_leaves_the_page_before_it(recorded: CommandLine, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("before")
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("trading_assets.report.page.section_of", _out_of_memory)
        said = recorded("report", "--out", page)

    assert said.is_one_plain_line
    assert "before" == page.read_text()
    assert [page.name] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def _out_of_memory(*_: object) -> None:
    raise MemoryError


def damaged(command: CommandLine, recording: Path, **faults: int) -> list[dict[str, Any]]:
    """Damage a recording in its place, and return the gaps that must follow."""
    sound = recording.rename(recording.with_name(f"sound-{recording.name}"))
    said = command("faults", sound, "--out", recording, "--seed", "3", *(f"--{k}={n}" for k, n in faults.items()))
    assert 0 == said.code, said.err
    sound.unlink()
    truth = recording.with_name(f"{recording.name}.truth.json")
    gaps: list[dict[str, Any]] = json.loads(truth.read_text())["gaps"]
    truth.unlink()
    return gaps


def test_a_damaged_recording_shows_its_gaps_published_or_refused(project: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    project("simulate", "--out", folder, "-i", str(SIMBTC), "--days", "2", "--minutes", "3")
    first, second = sorted((folder / str(SIMBTC)).iterdir())
    lost = damaged(project, first, swap=3)
    refused = damaged(project, second, drop=60)
    assert 0 == project("import", folder).code
    assert 1 == project("run").code
    page = tmp_path / "page.html"

    assert 0 == project("report", "--out", page).code
    text = page.read_text()
    of_first, of_second = text.split(f'<section id="{SIMBTC}-{SECOND.day}"')
    assert "those of a refused pass" not in of_first
    assert "those of a refused pass" in of_second
    for section, gaps in ((of_first, lost), (of_second, refused)):
        broken = [gap for gap in gaps if gap["cause"] == "sequence_gap"]
        assert broken
        assert [] == [
            gap for gap in broken if f'>{gap["seq_before"]}</td><td class="n">{gap["seq_after"]}<' not in section
        ]
