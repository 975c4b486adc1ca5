import gzip
import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from capture_files import NOON, UNTIMED, gzipped, noise, plain, tickers, zstd
from hypothesis import assume, given
from hypothesis import strategies as st
from own_peak import OWN_PEAK

from trading_assets.errors import NotACapture
from trading_assets.raw.messages import OverlongLine
from trading_assets.sources.reader import CaptureReader, Fragment, read_chunks

LIMIT = 2**20
Writer = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


def split(data: bytes) -> list[bytes]:
    return io.BytesIO(data).readlines()


def read_all(path: Path, max_line_bytes: int = LIMIT, chunk_bytes: int = LIMIT) -> tuple[bytes, str | None]:
    reader = CaptureReader(path, max_line_bytes=max_line_bytes, chunk_bytes=chunk_bytes)
    pieces = list(reader.pieces())
    return b"".join(piece.data if isinstance(piece, Fragment) else piece for piece in pieces), reader.damage


@pytest.mark.parametrize("write", [plain, gzipped, zstd])
def test_a_capture_is_read_whole_whatever_its_name_says(tmp_path: Path, write: Writer) -> None:
    lines = tickers(3000)
    path = write(tmp_path / "capture.txt.bz2", lines)

    assert (b"".join(lines), None) == read_all(path)


@pytest.mark.parametrize("write", [gzipped, zstd])
def test_members_and_frames_may_follow_one_another(tmp_path: Path, write: Writer) -> None:
    lines = tickers(2000)

    assert (b"".join(lines), None) == read_all(write(tmp_path / "capture", lines, 700))


def test_zero_bytes_after_a_gzip_member_are_padding(tmp_path: Path) -> None:
    path = gzipped(tmp_path / "capture", tickers(5))
    path.write_bytes(path.read_bytes() + bytes(5000))

    assert (b"".join(tickers(5)), None) == read_all(path)


def test_a_skippable_zstd_frame_is_skipped(tmp_path: Path) -> None:
    path = zstd(tmp_path / "capture", tickers(5))
    path.write_bytes(bytes.fromhex("502a4d1804000000") + b"meta" + path.read_bytes())

    assert (b"".join(tickers(5)), None) == read_all(path)


@UNTIMED
@given(words=st.lists(st.binary(max_size=60)), limit=st.integers(1, 40), chunk=st.integers(1, 60))
def test_every_byte_arrives_in_order_and_only_lines_over_the_limit_are_overlong(
    folder: Path, words: list[bytes], limit: int, chunk: int
) -> None:
    data = b"\n".join(words)
    assume(not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")))
    path = plain(folder / "bytes", [data])
    found = CaptureReader(path, max_line_bytes=limit, chunk_bytes=chunk).chunks()

    lengths = [
        length
        for item in found
        for length in ([item.n_bytes] if isinstance(item, OverlongLine) else map(len, split(item)))
    ]
    expected = [len(line) for line in split(data)]

    assert (data, None) == read_all(path, max_line_bytes=limit, chunk_bytes=chunk)
    assert expected == lengths


@UNTIMED
@given(data=st.binary(min_size=1, max_size=2000), where=st.integers(0, 10**6), write=st.sampled_from([gzipped, zstd]))
def test_noise_in_a_compressed_file_is_damage_or_harmless_and_never_an_exception(
    folder: Path, data: bytes, where: int, write: Writer
) -> None:
    path = write(folder / "noise", tickers(50))
    whole = path.read_bytes()
    at = 4 + where % (len(whole) - 4)
    path.write_bytes(whole[:at] + data)

    read, damage = read_all(path)

    assert damage is not None or read == b"".join(tickers(50))


@pytest.mark.parametrize("write", [gzipped, zstd])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_off_anywhere_keeps_what_can_be_read(tmp_path: Path, write: Writer, share: float) -> None:
    path = write(tmp_path / "capture", [noise(200_000).hex().encode(), b"\n", *tickers(2000)])
    expected, _ = read_all(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    read, damage = read_all(path)

    assert "cut off" in str(damage)
    assert expected.startswith(read)
    assert len(read) >= share * 0.3 * len(expected) - 150_000


@pytest.mark.parametrize("write", [gzipped, zstd])
def test_a_flipped_checksum_is_damage_and_nothing_is_lost(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path / "capture", tickers(100))
    whole = bytearray(path.read_bytes())
    whole[-5 if write is gzipped else -1] ^= 1
    path.write_bytes(whole)

    read, damage = read_all(path)

    assert "corrupt" in str(damage)
    assert b"".join(tickers(100)).startswith(read)


def test_bytes_after_a_gzip_member_that_are_none_are_damage(tmp_path: Path) -> None:
    path = gzipped(tmp_path / "capture", tickers(5))
    path.write_bytes(path.read_bytes() + b"and so on")

    read, damage = read_all(path)

    assert b"".join(tickers(5)) == read
    assert damage is not None


def test_the_prefix_of_an_overlong_line_is_what_a_dead_letter_keeps(tmp_path: Path) -> None:
    line = f"{NOON} ".encode() + b"x" * (3 * LIMIT) + b"\n"
    path = plain(tmp_path / "capture", [b"short\n", line, b"short\n"])

    chunks = list(read_chunks(path, max_line_bytes=LIMIT, chunk_bytes=LIMIT))

    assert [b"short\n", OverlongLine(line[: 64 * 2**10], len(line)), b"short\n"] == chunks


def test_nothing_but_a_regular_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    odd = [tmp_path, tmp_path / "pipe", tmp_path / "missing", Path("/dev/zero"), Path("/dev/null"), Path("a\0b")]

    for path in odd:
        with pytest.raises(NotACapture, match=r"^[^\n]*$"):
            list(read_chunks(path, max_line_bytes=LIMIT))


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read_all(plain(tmp_path / "empty", [])) == (b"", None)


READ_IN_LITTLE_MEMORY = """
    import sys
    from trading_assets.sources.reader import read_chunks
    before = own_peak_kib()
    list(map(type, read_chunks(Path(sys.argv[1]), max_line_bytes=2**20, chunk_bytes=2**20)))
    print((own_peak_kib() - before) // 1024)
"""


@pytest.mark.parametrize("write", ["zstd", "gzip", "plain"])
@pytest.mark.parametrize("content", [b"\0", b"\n"])
def test_a_bomb_or_an_endless_line_is_read_in_little_memory(tmp_path: Path, write: str, content: bytes) -> None:
    path = tmp_path / "bomb"
    block = content * (64 * 2**20)
    blocks = {
        "zstd": lambda: zstandard.ZstdCompressor().compress(block) * 8,
        "gzip": lambda: gzip.compress(block, 6) * 2,
        "plain": lambda: block,
    }
    path.write_bytes(blocks[write]())

    done = subprocess.run(
        [sys.executable, "-c", OWN_PEAK + textwrap.dedent(READ_IN_LITTLE_MEMORY), path], capture_output=True, check=True
    )

    assert int(done.stdout) < 160, "a slice of a bomb is 32 MiB, the next one is read while copies of it are in hand"
