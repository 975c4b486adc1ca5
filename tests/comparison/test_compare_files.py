import json
from pathlib import Path

import polars as pl
import pytest
import zstandard

from trading_assets.comparison.files import Comparison, compare
from trading_assets.sections import CaptureSettings


def compared(refused: Path, standing: Path | None, suffix: str) -> Comparison:
    return compare(refused, standing, suffix, settings=CaptureSettings(), limit=5)


def table(path: Path, values: list[float]) -> Path:
    pl.DataFrame({"x": values}).write_parquet(path)
    return path


def document(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def capture(path: Path, lines: list[str]) -> Path:
    path.write_bytes(zstandard.compress("".join(f"{line}\n" for line in lines).encode()))
    return path


def test_tables_are_compared_by_rows_and_columns(tmp_path: Path) -> None:
    found = compared(table(tmp_path / "a", [1.0, 2.0]), table(tmp_path / "b", [1.0]), "parquet")

    assert found.standing
    assert ("2", "1") == (found.refused.facts["rows"], found.standing.facts["rows"])
    assert found.refused.columns["x"] != found.standing.columns["x"]
    assert found.rows
    assert 1 == found.rows.n_only_refused


def test_a_refused_table_is_described_where_nothing_stands(tmp_path: Path) -> None:
    found = compared(table(tmp_path / "a", [1.0, 2.0]), None, "parquet")

    assert (None, None, "1") == (found.standing, found.rows, found.refused.columns["x"].minimum)


@pytest.mark.parametrize("suffix", ["parquet", "json"])
@pytest.mark.parametrize("content", [b"", b"no such thing", b"PAR1" * 20])
def test_of_a_file_that_cannot_be_read_it_is_said_why(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)

    found = compared(path, None, suffix)

    assert found.refused.problem
    assert str(path) in found.refused.problem
    assert f"{len(content)}" == found.refused.facts["bytes"]


def test_a_file_that_is_gone_does_not_keep_the_other_from_being_shown(tmp_path: Path) -> None:
    found = compared(tmp_path / "gone", table(tmp_path / "b", [1.0]), "parquet")

    assert found.refused.problem == f"{tmp_path / 'gone'}: No such file or directory"
    assert found.standing
    assert "1" == found.standing.facts["rows"]


def test_of_documents_the_values_that_differ_are_kept(tmp_path: Path) -> None:
    here = document(tmp_path / "a", {"seed": 7, "horizons": [{"r2": 0.1}, {"r2": 0.2}], "only": []})
    there = document(tmp_path / "b", {"seed": 7, "horizons": [{"r2": 0.1}, {"r2": 0.3}]})

    found = compared(here, there, "json")

    assert found.standing
    named = {name for name in found.refused.facts if name not in {"md5", "bytes"}}
    assert {"horizons[1].r2", "only"} == named
    assert "0.3" == found.standing.facts["horizons[1].r2"]


def test_of_captures_the_lines_are_counted(tmp_path: Path) -> None:
    here = capture(tmp_path / "a", ['1723075200000000000 {"e":1}', "half a line"])
    there = capture(tmp_path / "b", ['1723075200000000000 {"e":1}'])

    found = compared(here, there, "jsonl.zst")

    assert found.standing
    assert ("2", "1") == (found.refused.facts["lines"], found.standing.facts["lines"])
    assert "1" == found.refused.facts["lines without a receive time"]


def test_a_torn_capture_is_described_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = capture(tmp_path / "a", ["1723075200000000000 {}"] * 1000)
    torn = tmp_path / "torn"
    torn.write_bytes(whole.read_bytes()[:-5])

    found = compared(torn, whole, "jsonl.zst")

    assert "none" != found.refused.facts["damage"]
