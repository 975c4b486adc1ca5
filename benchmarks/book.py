"""How fast the book is, beside the obvious one of two dictionaries; both must agree on every level first.

python benchmarks/book.py ../shared/data/captures/binance_usdm/BTCUSDT/2024-08-08.jsonl.gz BTCUSDT.BINANCE_USDM
"""

import argparse
import gzip
import heapq
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.rebuilding import sequence
from trading_assets.raw.rebuilding.book import Levels, Rows, replay
from trading_assets.raw.rebuilding.ladder import Ladder, ladder
from trading_assets.raw.rebuilding.steps import MARK, UPDATE, Steps
from trading_assets.raw.rebuilding.units import Floats, in_units
from trading_assets.venues import venue_of

T = TypeVar("T")
REPEATS = 15


def best_of(repeats: int, work: Callable[[], T]) -> tuple[float, T]:
    """Return the shortest time in seconds, and the result."""
    spans = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        spans.append(time.perf_counter() - start)
    return min(spans), result


def naive(steps: Steps, levels: Levels, px: Floats, *, depth: int) -> Floats:
    """Return `[r, 4 * depth]` rows of a book in dictionaries; a recording with one snapshot and no break."""
    book: tuple[dict[int, float], dict[int, float]] = ({}, {})
    rows = []
    for message, kind in zip(steps.message.tolist(), steps.kind.tolist(), strict=True):
        if kind == MARK:
            rows.append([np.nan] * 4 * depth)
            continue
        span = slice(levels.offsets[message], levels.offsets[message + 1])
        is_changed = kind != UPDATE
        for is_ask, rank, size in zip(*(x[span].tolist() for x in levels[1:]), strict=True):
            is_changed |= book[is_ask].get(rank, 0.0) != size
            book[is_ask][rank] = size
            if size == 0:
                del book[is_ask][rank]
        if is_changed:
            rows.append(_top(book, px, depth))
    return np.array(rows)


def _top(book: tuple[dict[int, float], dict[int, float]], px: Floats, depth: int) -> list[float]:
    row = [np.nan] * 4 * depth
    for side, best in enumerate((heapq.nlargest(depth, book[0]), heapq.nsmallest(depth, book[1]))):
        for n, rank in enumerate(best):
            row[4 * n + 2 * side : 4 * n + 2 * side + 2] = px[rank], book[side][rank]
    return row


def main() -> None:
    """Read one capture, compare, and print rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("instrument", type=Instrument.parse)
    parser.add_argument("--depth", type=int, default=20)
    options = parser.parse_args()
    messages = decode([gzip.decompress(options.capture.read_bytes())], instrument=options.instrument)
    rule = venue_of(options.instrument).rule

    plan_s, plan = best_of(REPEATS, lambda: sequence.plan([messages.book], rule))
    ladder_s, rungs = best_of(REPEATS, lambda: ladder([messages]))
    levels = _levels(messages.book, rungs, in_units(messages.book.sz, messages.sz_decimals))
    rows_s, rows = best_of(REPEATS, lambda: replay(plan.steps, levels, rungs.px, depth=options.depth))
    quiet = len(plan.steps.message)
    levels_s, _ = best_of(REPEATS, lambda: replay(plan.steps, levels, rungs.px, depth=options.depth, first_shown=quiet))
    naive_s, expected = best_of(1, lambda: naive(plan.steps, levels, rungs.px, depth=options.depth))

    _agree(rows, expected)
    n_rows, n_levels = len(rows.step), len(levels.rank)
    print(f"{n_rows:,} rows and {n_levels:,} levels; {len(rungs.px):,} prices; equal to the naive book on every level")
    print(f"sequence      {quiet / plan_s / 1e6:8.2f} M steps/s")
    print(f"ladder        {n_levels / ladder_s / 1e6:8.2f} M levels/s")
    print(f"levels only   {n_levels / levels_s / 1e6:8.2f} M levels/s")
    print(f"top {options.depth:<9d} {n_rows / rows_s / 1e3:8.0f} k rows/s")
    print(f"naive, top {options.depth:<2d} {n_rows / naive_s / 1e3:8.1f} k rows/s")


def _levels(book: object, rungs: Ladder, sizes: Floats) -> Levels:
    return Levels(book.offsets, book.is_ask, rungs.rank, sizes)


def _agree(rows: Rows, expected: Floats) -> None:
    if not np.array_equal(rows.levels.T, expected, equal_nan=True):
        raise SystemExit("the books disagree: no rate is worth reading")


if __name__ == "__main__":
    main()
