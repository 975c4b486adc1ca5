"""Recordings of Kraken, Coinbase and Bybit as the venue-by-venue tests use them: lines of one instrument, and records.

The book and the checksum here are as plain as the venues' documents describe them: what faster ones are held to.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.strict import read_line
from trading_assets.venues import VENUES
from trading_assets.venues.wire import MAX_DECIMALS, Depth, Level, Number, Record

FILES = {
    "KRAKEN": "kraken/mixed",
    "COINBASE": "coinbase/mixed",
    "BYBIT_LINEAR": "bybit/linear",
    "BYBIT_SPOT": "bybit/spot",
}


def recording(shared_data: Path, venue: str) -> Path:
    (path,) = (shared_data / "captures" / FILES[venue]).glob("*.jsonl.gz")
    return path


def lines_by_instrument(shared_data: Path, venue: str) -> dict[Instrument, list[bytes]]:
    """The lines of a venue's recording that name a symbol, without line feeds."""
    found: dict[Instrument, list[bytes]] = {}
    for line in gzip.decompress(recording(shared_data, venue).read_bytes()).splitlines():
        symbol = VENUES[venue].symbol_of(line)
        if symbol is not None:
            found.setdefault(Instrument(symbol, venue), []).append(line)
    return found


def records(shared_data: Path, venue: str) -> Iterator[tuple[Instrument, list[Record]]]:
    """Every instrument of a venue's recording, and all that its lines say in order."""
    for instrument, lines in sorted(lines_by_instrument(shared_data, venue).items()):
        yield instrument, [record for line in lines for record in read_line(line, instrument=instrument)[1]]


def value(number: Number) -> int:
    """A number in units of the finest decimal."""
    return number.mantissa * 10 ** (MAX_DECIMALS - number.decimals)


@dataclass
class NaiveBook:
    """A dict a side, price to size, both as `value` gives them."""

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def apply(self, message: Depth) -> None:
        if message.is_snapshot:
            self.bids.clear()
            self.asks.clear()
        _set(self.bids, message.bids)
        _set(self.asks, message.asks)
        for px, _ in self.ranked_bids()[message.max_levels :] if message.max_levels else []:
            del self.bids[px]
        for px, _ in self.ranked_asks()[message.max_levels :] if message.max_levels else []:
            del self.asks[px]

    def ranked_bids(self) -> list[tuple[int, int]]:
        return sorted(self.bids.items(), reverse=True)

    def ranked_asks(self) -> list[tuple[int, int]]:
        return sorted(self.asks.items())

    def kraken_checksum(self, places: tuple[int, int]) -> int:
        """CRC32 of the ten best asks, then bids: prices and volumes as printed, without point and leading zeros."""
        best = [*self.ranked_asks()[:10], *self.ranked_bids()[:10]]
        digits = (
            str(number // 10 ** (MAX_DECIMALS - n)) for level in best for number, n in zip(level, places, strict=True)
        )
        return zlib.crc32("".join(digits).encode())


def _set(side: dict[int, int], levels: list[Level]) -> None:
    for px, sz in levels:
        if sz.mantissa:
            side[value(px)] = value(sz)
        else:
            side.pop(value(px), None)
