"""Lines a second from a recorded capture to typed columns: `python benchmarks/decode.py [CAPTURE.jsonl.gz]`.

Side by side on one thread and the same bytes, best of three: the fast decoder, the strict one, and the standard
library's `json` into lists (floats, no checks). What the contenders read is compared before anything is timed.
"""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode, decode_strict
from trading_assets.raw.messages import Messages

DEFAULT = Path(__file__).parents[2] / "shared/data/captures/binance_usdm/BTCUSDT/2024-08-08.jsonl.gz"
Floats = list[list[float]]


def with_json(raw: bytes) -> Floats:
    """Prices of book levels, trades and tickers, as a straightforward reader collects them."""
    levels: list[float] = []
    trades: list[float] = []
    tickers: list[float] = []
    for line in raw.splitlines():
        document = json.loads(line.partition(b" ")[2])
        message = document.get("data", document)
        match message.get("e", "snapshot" if "lastUpdateId" in message else "bookTicker"):
            case "depthUpdate":
                levels += [float(px) for px, _ in message["b"]] + [float(px) for px, _ in message["a"]]
            case "snapshot":
                levels += [float(px) for px, _ in message["bids"]] + [float(px) for px, _ in message["asks"]]
            case "trade":
                trades.append(float(message["p"]))
            case "bookTicker":
                tickers.append(float(message["b"]))
    return [levels, trades, tickers]


def prices(messages: Messages) -> Floats:
    """What `with_json` collects, from decoded columns."""
    unit = 10.0**messages.px_decimals
    return [(px / unit).tolist() for px in (messages.book.px, messages.trades.px, messages.tickers.bid_px)]


def best_s(run: Callable[[], object]) -> float:
    """Seconds of the fastest of three runs."""
    times = []
    for _ in range(3):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


def main(path: Path) -> None:
    """Check that all agree, then print the table."""
    raw = gzip.decompress(path.read_bytes())
    instrument = Instrument(path.parent.name, path.parent.parent.name.upper())
    if (
        not prices(decode([raw], instrument=instrument))
        == prices(decode_strict([raw], instrument=instrument))
        == with_json(raw)
    ):
        raise SystemExit("the contenders disagree: nothing was timed")
    contenders: dict[str, Callable[[], object]] = {
        "fast": lambda: decode([raw], instrument=instrument),
        "strict": lambda: decode_strict([raw], instrument=instrument),
        "json": lambda: with_json(raw),
    }
    n_lines = raw.count(b"\n")
    for name, run in contenders.items():
        seconds = best_s(run)
        print(f"{name:8}{n_lines / seconds / 1e6:8.3f} M lines/s{len(raw) / seconds / 1e6:8.1f} MB/s")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else DEFAULT)
