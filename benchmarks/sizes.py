"""Cost against size: recordings of growing length, catalogues of growing fullness.

Belongs here: sizes. Does not: single steps (steps).
"""

import gzip
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.race import Entry, race
from benchmarks.recordings import recording

TURNS: Final = (1, 10, 100)
ROUNDS: Final = 5
INSTRUMENT: Final = "BTCUSDT.BINANCE_USDM"
_OURS: Final = (Entry("trading_assets, to Parquet", "ours", "to_disk", is_ours=True),)
_PEERS: Final = (
    Entry("hftbacktest, convert and replay", "hft", "whole"),
    Entry("orjson + sortedcontainers", "json_books", "whole"),
)
_MOST_TURNS_OF_PEERS: Final = 10


def recordings(pythons: dict[bool, Path]) -> list[dict[str, Any]]:
    """Run a recording of one turn, ten and a hundred; peers keep all in memory, and stop at ten."""
    rows = []
    for turns in TURNS:
        given = recording(INSTRUMENT, turns)
        with gzip.open(given["capture"]) as file:
            n_lines = sum(1 for _ in file)
        entrants = [_OURS, *([(peer,) for peer in _PEERS] if turns <= _MOST_TURNS_OF_PEERS else [])]
        for entries in entrants:
            (result,) = race(entries, given, pythons, rounds=ROUNDS)
            rows.append(
                {
                    "turns": turns,
                    "n_lines": n_lines,
                    "label": result.label,
                    "median_s": result.median,
                    "peak_bytes": result.peak_bytes,
                }
            )
    return rows


def catalogues() -> list[dict[str, Any]]:
    """Return what publishing, `status` and a plan cost at 10 to 20,000 partitions."""
    sys.path.insert(0, str(Path(__file__).parent))  # those two are run as scripts, too
    publish, status = import_module("publish"), import_module("status")
    published = [
        (row["partitions"], f"{row['what']}, beyond computing and writing", row["overhead_ms"])
        for is_on_postgres in (False, True)
        for row in publish.measure(is_on_postgres=is_on_postgres)
    ]
    asked = [(row["partitions"], row["what"], 1e3 * row["seconds"]) for row in status.measure()]
    return [dict(zip(("partitions", "what", "ms"), row, strict=True)) for row in [*published, *asked]]
