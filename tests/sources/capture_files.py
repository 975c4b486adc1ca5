"""Recordings to read: lines as Binance sends them, and files that hold them in one way or another."""

import gzip
import io
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import zstandard
from hypothesis import settings

from trading_assets.sections import CaptureSettings
from trading_assets.sources.reader import CaptureReader, Fragment

UNTIMED = settings(deadline=None)
"""Examples write files: how long that takes is the machine's business."""
SETTINGS = CaptureSettings()
SHORT_LINES = CaptureSettings(max_line_bytes=200)
NOON = int(datetime(2024, 8, 8, 12, tzinfo=UTC).timestamp()) * 10**9
MIDNIGHT = int(datetime(2024, 8, 9, tzinfo=UTC).timestamp()) * 10**9


def spot_ticker(ns: int, symbol: str = "BTCUSDT", u: int = 1) -> bytes:
    text = f'{{"u":{u},"s":"{symbol}","b":"1.00","B":"2.00","a":"3.00","A":"4.00"}}'
    return f'{ns} {{"stream":"{symbol.lower()}@bookTicker","data":{text}}}\n'.encode()


def spot_snapshot(ns: int, u: int = 1) -> bytes:
    return f'{ns} {{"lastUpdateId":{u},"bids":[["1.00","2.00"]],"asks":[["3.00","4.00"]]}}\n'.encode()


def usdm_depth(ns: int, symbol: str = "BTCUSDT", u: int = 2) -> bytes:
    text = (
        f'{{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"{symbol}",'
        f'"U":{u},"u":{u},"pu":{u - 1},"b":[["1.00","2.00"]],"a":[]}}'
    )
    return f'{ns} {{"stream":"{symbol.lower()}@depth@0ms","data":{text}}}\n'.encode()


def tickers(n: int, start: int = NOON, symbol: str = "BTCUSDT", step: int = 10**6) -> list[bytes]:
    return [spot_ticker(start + i * step, symbol, u=i + 1) for i in range(n)]


def plain(path: Path, lines: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(lines))
    return path


def gzipped(path: Path, lines: Sequence[bytes], members: int = 1) -> Path:
    size = max(1, -(-len(lines) // members))
    parts = [gzip.compress(b"".join(lines[at : at + size]), mtime=0) for at in range(0, len(lines), size)]
    path.write_bytes(b"".join(parts))
    return path


def zstd(path: Path, lines: Sequence[bytes], frames: int = 1) -> Path:
    size = max(1, -(-len(lines) // frames))
    encoder = zstandard.ZstdCompressor(write_checksum=True)
    parts = [encoder.compress(b"".join(lines[at : at + size])) for at in range(0, len(lines), size)]
    path.write_bytes(b"".join(parts))
    return path


def noise(n_bytes: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(n_bytes)


def content(path: Path, max_line_bytes: int = 2**23) -> bytes:
    """All bytes of a capture; it must not be damaged."""
    reader = CaptureReader(path, max_line_bytes=max_line_bytes)
    parts = [piece.data if isinstance(piece, Fragment) else piece for piece in reader.pieces()]
    assert reader.damage is None
    return b"".join(parts)


def lines_of(path: Path) -> list[bytes]:
    return io.BytesIO(content(path)).readlines()
