import os
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import naive_captures
import pytest
from capture_files import NOON, SETTINGS, SHORT_LINES, UNTIMED, lines_of, plain, tickers, zstd
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.sources import canonical, reader
from trading_assets.sources.canonical import is_canonical
from trading_assets.sources.contents import capture_contents
from trading_assets.sources.merger import merge_captures

LONG = b" " + b"x" * SHORT_LINES.max_line_bytes
wire_lines = st.builds(
    lambda ns, text: (b"" if ns < 0 else str(NOON + ns).encode()) + text + b"\n",
    st.integers(-1, 9),
    st.sampled_from([b" a", b" b", b"", LONG]),
)
captures = st.lists(wire_lines, max_size=12)
recordings = st.lists(captures, min_size=1, max_size=3)
chunks = st.sampled_from([16, 60, 2**20])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bounded")


def in_chunks(n_bytes: int) -> AbstractContextManager[object]:
    """Let captures be read in chunks of a line or two, so that steps of time are many."""
    return patch.dict(reader.CaptureReader.__init__.__kwdefaults__, chunk_bytes=n_bytes)


def written(folder: Path, recorded: list[list[bytes]]) -> list[Path]:
    return [plain(folder / f"source-{n}", lines) for n, lines in enumerate(recorded)]


@UNTIMED
@given(recorded=recordings, chunk_bytes=chunks)
def test_captures_are_joined_as_the_rule_says(folder: Path, recorded: list[list[bytes]], chunk_bytes: int) -> None:
    with in_chunks(chunk_bytes):
        merge_captures(written(folder, recorded), folder / "merged", SHORT_LINES)

    assert naive_captures.union(recorded) == lines_of(folder / "merged")


@UNTIMED
@given(found=captures, recorded=recordings, chunk_bytes=chunks)
def test_captures_are_compared_as_by_counting_lines(
    folder: Path, found: list[bytes], recorded: list[list[bytes]], chunk_bytes: int
) -> None:
    staged = plain(folder / "staged", found)
    with in_chunks(chunk_bytes):
        compared = capture_contents(staged, written(folder, recorded), SHORT_LINES)

    assert naive_captures.contents(found, recorded) == compared


@UNTIMED
@given(recorded=recordings)
def test_what_was_joined_has_what_its_sources_have(folder: Path, recorded: list[list[bytes]]) -> None:
    sources = written(folder, recorded)
    merge_captures(sources, folder / "merged", SHORT_LINES)

    assert {0} == set(capture_contents(folder / "merged", sources, SHORT_LINES).values())


def test_one_canonical_source_is_linked_and_not_written_again(tmp_path: Path) -> None:
    merge_captures([zstd(tmp_path / "foreign", tickers(50), 3)], tmp_path / "landed", SETTINGS)
    merge_captures([tmp_path / "landed"], tmp_path / "staged", SETTINGS)

    assert (tmp_path / "landed").samefile(tmp_path / "staged")
    assert {"foreign", "landed", "staged"} == {path.name for path in tmp_path.iterdir()}


def test_where_links_are_not_to_be_had_the_source_is_copied(tmp_path: Path) -> None:
    merge_captures([plain(tmp_path / "lines", tickers(50))], tmp_path / "landed", SETTINGS)
    with patch.object(os, "link", side_effect=OSError("not here")):
        merge_captures([tmp_path / "landed"], tmp_path / "staged", SETTINGS)

    assert not (tmp_path / "landed").samefile(tmp_path / "staged")
    assert (tmp_path / "landed").read_bytes() == (tmp_path / "staged").read_bytes()


def test_only_the_encoding_of_now_is_canonical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tickers(20_000)
    merge_captures([plain(tmp_path / "lines", lines)], tmp_path / "landed", SETTINGS)
    other = SETTINGS.model_copy(update={"zstd_level": 5})

    for looked_at in (canonical.LOOKED_AT, 2**20):
        monkeypatch.setattr(canonical, "LOOKED_AT", looked_at)
        assert is_canonical(tmp_path / "landed", SETTINGS)
        assert not is_canonical(tmp_path / "landed", other)
        assert not is_canonical(zstd(tmp_path / "foreign", lines), SETTINGS)
        assert not is_canonical(tmp_path / "lines", SETTINGS)


def test_a_capture_that_is_cut_off_is_not_canonical(tmp_path: Path) -> None:
    merge_captures([plain(tmp_path / "lines", tickers(50))], tmp_path / "landed", SETTINGS)
    whole = (tmp_path / "landed").read_bytes()
    (tmp_path / "landed").write_bytes(whole[:-2])

    assert not is_canonical(tmp_path / "landed", SETTINGS)
