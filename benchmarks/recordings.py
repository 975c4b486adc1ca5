"""The recordings that are raced over: real ones, looped, made once and kept.

Belongs here: which recording, and what a contender must be told of it. Does not: looping (looped).
"""

import os
from pathlib import Path
from typing import Any, Final

from benchmarks.looped import loop_capture

PROJECT: Final = Path(__file__).resolve().parents[1]
KEPT: Final = PROJECT / "var" / "bench"
DAY: Final = "2024-08-08"
_TOLD: Final[dict[str, dict[str, Any]]] = {
    "BTCUSDT.BINANCE_USDM": {"tick_size": 0.1, "lot_size": 0.001, "px_decimals": 1, "sz_decimals": 3},
    "BTCUSDT.BINANCE": {"tick_size": 0.01, "lot_size": 0.00001, "px_decimals": 2, "sz_decimals": 8},
}
_EVENTS_A_TURN: Final = 700_000
_DEPTH_A_TURN: Final = 7_000


def recording(instrument: str, turns: int) -> dict[str, Any]:
    """Return what a contender is given: the capture, begun with its snapshot, and what it cannot find out itself.

    Raises:
        FileNotFoundError: the real captures are not there.
    """
    shared = Path(os.environ.get("TRADING_ASSETS_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    symbol, _, venue = instrument.partition(".")
    source = shared / "captures" / venue.lower() / symbol / f"{DAY}.jsonl.gz"
    out = KEPT / f"{instrument}-{turns}.jsonl.gz"
    if not out.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        aside = out.with_suffix(".part")
        loop_capture(source, aside, turns, is_from_snapshot=True)
        aside.replace(out)
    return {
        "capture": str(out),
        "instrument": instrument,
        "day": DAY,
        "n_events": _EVENTS_A_TURN * (turns + 1),
        "n_depth": _DEPTH_A_TURN * (turns + 1),
        **_TOLD[instrument],
    }
