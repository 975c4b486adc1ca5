"""Whatever a file holds: dead letters or one clear line, nothing lost, and the next command works."""

import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from catalogs import environment_of
from command_line import KEY_8, CommandLine, new_project
from own_peak import OWN_PEAK

from trading_assets import read
from trading_assets.settings import current_settings
from trading_assets.venues import VENUES

NOON = 1_723_118_400_000_000_000
N_LINES = 600


def market_lines(n: int = N_LINES) -> list[bytes]:
    """A short sound recording: a snapshot, then updates that follow it, each with its ticker."""
    book = '"bids":[["100.00","1.0"],["99.00","1.0"]],"asks":[["101.00","1.0"],["102.00","1.0"]]'
    lines = [f'{NOON} {{"lastUpdateId":1,{book}}}\n']
    for i in range(2, n // 2 + 2):
        at = NOON + i * 10**8
        size = f"{1 + i % 7}.0"
        update = f'"e":"depthUpdate","E":{at // 10**6},"s":"BTCUSDT","U":{i},"u":{i},"b":[["100.00","{size}"]],"a":[]'
        ticker = f'"u":{i},"s":"BTCUSDT","b":"100.00","B":"{size}","a":"101.00","A":"1.0"'
        lines.append(f'{at} {{"stream":"btcusdt@depth@100ms","data":{{{update}}}}}\n')
        lines.append(f'{at} {{"stream":"btcusdt@bookTicker","data":{{{ticker}}}}}\n')
    return [line.encode() for line in lines[:n]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for files that are refused: they must change nothing."""
    return new_project(tmp_path_factory.mktemp("hostile") / "project")


@pytest.fixture
def refusing(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(root, monkeypatch, capsys)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


def dead_letters(command: CommandLine) -> list[str]:
    os.environ["TRADING_ASSETS_ROOT"] = str(command.root)
    current_settings.cache_clear()
    table = read("dead_letters", "BTCUSDT.BINANCE", "2024-08-08", "2024-08-08").collect()
    current_settings.cache_clear()
    return table["reason"].to_list()


REFUSED: dict[str, bytes] = {
    "empty": b"",
    "line feeds": b"\n" * 10_000,
    "gzip that ends in its head": gzip.compress(b"".join(market_lines()))[:12],
    "gzip of nothing": gzip.compress(b""),
    "noise": random.Random(3).randbytes(300_000),
    "lines of noise": b"\n".join(random.Random(4).randbytes(50) for _ in range(5000)),
    "a picture": b"\x89PNG\r\n\x1a\n" + random.Random(5).randbytes(5000),
    "one endless line": b"A" * 20_000_000,
    "only dead lines": b"".join(b'%d {"e":"dead"}\n' % (NOON + i) for i in range(100)),
    "received in 1970": b"".join(b"5" + line[19:] for line in market_lines()),
    "received in 2262": b"".join(b"9223372036854775807" + line[19:] for line in market_lines()),
    "received before time": b"".join(b"-" + line for line in market_lines()),
    "another year": b"".join(b"12" + line[2:] for line in market_lines()),
    "a venue that none reads": b"".join(
        b'%d {"arg":{"channel":"books","instId":"BTC-USDT"},"data":[{"asks":[],"bids":[],"seqId":%d}]}\n'
        % (NOON + i, i)
        for i in range(100)
    ),
    "two markets": b"".join(market_lines())
    + b"".join(b'%d {"stream":"b","data":{"e":"trade","T":1,"s":"BTCUSDT","X":"MARKET"}}\n' % NOON for _ in range(600)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_recording_is_refused_in_one_line(refusing: CommandLine, name: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(REFUSED[name])

    said = refusing("import", path)

    assert said.is_one_plain_line, said
    assert str(path) in said.err
    assert {} == refusing.versions()


@pytest.mark.parametrize("market", ["ETHUSDT.BINANCE", "BTCUSDT.BINANCE_USDM", "BTCUSDT.KRAKEN"])
def test_an_instrument_that_contradicts_the_lines_is_refused(
    refusing: CommandLine, market: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"".join(market_lines()))

    assert refusing("import", path, "--instrument", market).is_one_plain_line


@pytest.mark.parametrize("name", ["kraken/mixed/2021-04-17", "coinbase/mixed/2026-08-09", "bybit/spot/2026-08-09"])
def test_a_recording_is_refused_as_one_of_another_venue_and_its_own_is_named(
    refusing: CommandLine, name: str, shared_data: Path
) -> None:
    said = refusing("import", shared_data / "captures" / f"{name}.jsonl.gz", "-i", "BTCUSDT.BINANCE")

    assert said.is_one_plain_line
    assert f"but lines of the file are of {name.split('/', maxsplit=1)[0].upper()}" in said.err
    assert {} == refusing.versions()


def test_lines_of_no_known_venue_are_refused_by_naming_those_that_are_read(
    refusing: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(REFUSED["a venue that none reads"])

    for said in (refusing("import", path), refusing("import", path, "-i", "BTCUSDT.BINANCE")):
        assert said.is_one_plain_line
        assert all(venue in said.err for venue in VENUES)


def test_a_folder_imports_what_it_can_and_names_the_rest(command: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "sound.jsonl").write_bytes(b"".join(market_lines()))
    (folder / "picture.png").write_bytes(REFUSED["a picture"])
    (folder / "\x1b[31mred\n[bold]name").write_bytes(b"no")
    (folder / ".hidden").write_bytes(b"no")
    (folder / "circle").symlink_to(folder)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")

    said = command("import", folder, tmp_path / "missing")

    assert 1 == said.code
    assert all(line.isprintable() and line.startswith("error: ") for line in said.err.splitlines())
    assert 6 == len(said.err.splitlines())
    assert {(KEY_8, "captures")} == {key for key, state in command.versions().items() if "published" in state}


def test_damaged_lines_end_as_dead_letters_and_repeats_change_nothing(command: CommandLine, tmp_path: Path) -> None:
    lines = market_lines()
    at = b"%d " % (NOON + 10**8)
    lines[100:100] = [
        at + b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","s":"BTCUSDT","U":' + b"9" * 400 + b"}}\n",
        at + b'{"stream":"btcusdt@trade","data":{"x":"' + b"A" * 5_000_000 + b'"}}\n',
        at + b"\xff\xfe\x00 not text\n",
    ]
    lines[200] = lines[200].replace(b"\n", b"\r\n")
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"".join(lines))[:-9])

    assert "the gzip data ends before its end mark" in command("import", path).err
    assert "raw_books: published" in command("run").out
    assert 3 == len(dead_letters(command))

    before = command.versions()
    said = command("import", path)
    assert "nothing new" in said.out
    assert before == command.versions()


def test_a_refused_step_is_not_called_published_nor_what_follows_it(command: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "never_valid.jsonl"
    path.write_bytes(b"".join(market_lines()[1:]))
    command("import", path)

    said = command("run")

    assert 1 == said.code
    assert "raw_books: raw_books" in said.out
    assert "labels: not run: its upstream failed" in said.out


def test_lines_that_landed_before_a_crash_are_published_by_the_next_run(command: CommandLine) -> None:
    folder = command.root / "var/lake/landing/2024-08-08/BTCUSDT.BINANCE"
    folder.mkdir(parents=True)
    (folder.parent / "not an instrument").mkdir()
    (folder / "00.jsonl.zst").write_bytes(b"".join(market_lines()))

    assert "captures: published" in command("run").out
    assert "published" in command.versions()[KEY_8, "captures"]


@pytest.mark.slow
def test_an_overlong_line_and_a_full_disk_are_met_in_bounded_memory(tmp_path: Path) -> None:
    root = new_project(tmp_path / "project")
    big = tmp_path / "big.jsonl"
    with big.open("wb") as file:
        file.writelines(market_lines(300))
        file.write(b"%d " % NOON + b"A" * 2**26 + b"\n")
        file.writelines(market_lines()[300:])
    said = imported_in_a_child(root, big, file_limit=2**40)
    assert 0 == said.returncode, said.stderr
    peak_kib = int(said.stdout.splitlines()[-1])
    assert peak_kib < 1_200_000

    noisy = tmp_path / "noisy.jsonl"
    rng = random.Random(1)
    noisy.write_bytes(
        b"".join(line[:-1] + b" " * 9 + rng.randbytes(900).hex().encode() + b"\n" for line in market_lines(6000))
    )
    full = imported_in_a_child(root, noisy, file_limit=2**20)
    assert 0 != full.returncode
    assert "Traceback" not in full.stderr
    assert "error: " in full.stderr.splitlines()[0]
    assert 0 == imported_in_a_child(root, noisy, file_limit=2**40).returncode


def imported_in_a_child(root: Path, path: Path, *, file_limit: int) -> subprocess.CompletedProcess[str]:
    """Import in a process of its own, whose files cannot grow over a limit; its peak memory (KiB) is the last line."""
    code = OWN_PEAK + (
        "import resource, signal, sys\n"
        "from trading_assets.cli.main import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({file_limit}, {file_limit}))\n"
        f"sys.argv = ['trading-assets', 'import', {str(path)!r}]\n"
        "try:\n    main()\nfinally:\n    print(own_peak_kib())\n"
    )
    environment = {**os.environ, "TRADING_ASSETS_ROOT": str(root), **environment_of(root)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
