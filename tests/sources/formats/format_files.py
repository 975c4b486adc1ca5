"""Files of other formats to read, and what their lines say."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sections import CaptureSettings
from trading_assets.sources.formats import FORMATS, format_of
from trading_assets.sources.formats.base import Ask, Reading
from trading_assets.sources.importing import Brought, Rules, land_file
from trading_assets.sources.reader import CaptureReader

RULES = Rules(CaptureSettings(), start_day=date(2010, 1, 1), today=date(2026, 11, 22))
NOON_US = 1_723_118_400_000_000
NOON = NOON_US * 1000
INCREMENTAL = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def change(at: int, side: str, px: str, sz: str, *, snapshot: bool = False, symbol: str = "BTCUSDT") -> str:
    """One row of a Tardis table, received `at` µs after noon and sent 5 µs before."""
    flag = str(snapshot).lower()
    return f"binance-futures,{symbol},{NOON_US + at - 5},{NOON_US + at},{flag},{side},{px},{sz}\n"


def recording(path: Path, n: int) -> Path:
    """A recording of `n` messages as Binance sends them."""
    text = '{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"1.0","B":"2.0","a":"3.0","A":"4.0"}}'
    return written(path, "".join(f"{NOON + at} {text % at}\n" for at in range(1, n + 1)))


def content(path: Path) -> bytes:
    """All bytes of a landed capture."""
    return b"".join(CaptureReader(path, max_line_bytes=2**22).blocks())


def opened(path: Path, instrument: str | None = None, *, said: str | None = None) -> Reading:
    head = next(CaptureReader(path, max_line_bytes=2**22).blocks(), b"")
    found = FORMATS[said] if said else format_of(path, head)
    assert found is not None
    return found.open(path, head, Ask(None if instrument is None else Instrument.parse(instrument), 2**22))


def documents(reading: Reading) -> list[tuple[int, Any]]:
    """Return receive time after noon and message of every line, a text where it is no JSON."""
    found = []
    for _, data in reading.blocks():
        for line in data.decode().splitlines():
            at, _, body = line.partition(" ")
            found.append((int(at) - NOON, json.loads(body) if body.startswith("{") else body))
    return found


def brought(path: Path, folder: Path, instrument: str | None = None, rules: Rules = RULES) -> Brought:
    said = None if instrument is None else Instrument.parse(instrument)
    return land_file(path, landing=folder / "landing", instrument=said, said_format=None, rules=rules)


def refusal(path: Path, folder: Path, instrument: str | None = None, rules: Rules = RULES) -> str:
    """Import a file that must be refused, and must leave nothing behind."""
    try:
        brought(path, folder, instrument, rules)
    except NotACapture as error:
        assert [] == [file for file in (folder / "landing").rglob("*") if file.is_file()]
        return str(error)
    raise AssertionError(f"{path} was imported")
