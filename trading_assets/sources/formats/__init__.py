"""Other people's files: the formats that are read, in the order in which they are recognised."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trading_assets.sources.formats import databento, hftbacktest, lobster, tardis_books, tardis_trades
from trading_assets.sources.formats.base import Format

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        each.name: each
        for each in (
            tardis_books.INCREMENTAL,
            tardis_books.SNAPSHOTS,
            tardis_trades.TRADES,
            lobster.LOBSTER,
            hftbacktest.HFTBACKTEST,
            databento.MBP_10,
        )
    }
)
"""Name -> format. Another format is a module of its own and one more entry."""


def format_of(path: Path, head: bytes) -> Format | None:
    """Recognise a file by its path and its first few KiB, decompressed; None if it is of no such format."""
    return next((each for each in FORMATS.values() if each.recognises(path, head)), None)
