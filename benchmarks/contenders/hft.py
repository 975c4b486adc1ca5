"""hftbacktest: its own converter of Binance USD-M captures, and its replay with depth.

Belongs here: hftbacktest. Does not: other peers.

Source: hftbacktest's documentation, "Data" and "Getting Started". In its favour: trades are left out of the replay, the
depth is the faster of its two (prices in a vector of a given range, told beforehand), the loop is compiled before it is
timed, and the converter is given a buffer that fits.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from hftbacktest import BacktestAsset, ROIVectorMarketDepthBacktest
from hftbacktest.data.utils import binancefutures
from hftbacktest.types import DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT, EXCH_EVENT, LOCAL_EVENT, TRADE_EVENT
from numba import njit

from benchmarks.contenders.top import DEPTH, compared_at_end, compared_by_instant

FEED: Final = 2
"""What `wait_next_feed` returns when a feed arrived."""
FOREVER: Final = 10**18
KIND: Final = 0xFF
MARGIN: Final = 100.0
UNKNOWN_EVENT: Final = 100
LATER: Final = 10**12


def converted(given: dict[str, Any]) -> np.ndarray:
    """Run hftbacktest's converter, leave the trades out, and let something come last: the end is not announced."""
    events = binancefutures.convert(given["capture"], buffer_size=given["n_events"])
    is_kept = (events["ev"] & KIND) != TRADE_EVENT
    kept = np.empty(int(is_kept.sum()) + 1, events.dtype)
    np.compress(is_kept, events, out=kept[:-1])
    kept[-1] = kept[-2]
    kept[-1]["ev"] = UNKNOWN_EVENT | EXCH_EVENT | LOCAL_EVENT
    kept[-1]["exch_ts"] = kept[-1]["local_ts"] = kept[-2]["local_ts"] + LATER
    return kept


def backtest(events: np.ndarray, given: dict[str, Any]) -> ROIVectorMarketDepthBacktest:
    """Set a replay up over the range of prices there is."""
    is_level = np.isin(events["ev"] & KIND, (DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT))
    prices = events["px"][is_level & (events["qty"] > 0)]
    middle = float(np.median(prices))
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(given["tick_size"])
        .lot_size(given["lot_size"])
        .roi_lb(max(0.0, middle * 0.9))
        .roi_ub(middle * 1.1 + MARGIN)
        .last_trades_capacity(0)
    )
    return ROIVectorMarketDepthBacktest([asset])


@njit  # Numba takes no annotations
def fill(levels, start, step, px_tick, tick_size, row, at):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, D103, PLR0913, PLR0917
    n, tick = 0, start
    while n < DEPTH and 0 <= tick < len(levels):
        if levels[tick] > 0:
            row[at + n] = (tick + px_tick) * tick_size
            row[at + DEPTH + n] = levels[tick]
            n += 1
        tick += step


@njit
def replay(hbt, tick_size, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, D103
    n = 0
    while hbt.wait_next_feed(False, FOREVER) == FEED:  # noqa: FBT003 - compiled, takes no keywords
        depth = hbt.depth(0)
        first = depth.roi_lb_tick
        out[n][:] = np.nan
        fill(depth.bid_depth, depth.best_bid_tick - first, -1, first, tick_size, out[n], 0)
        fill(depth.ask_depth, depth.best_ask_tick - first, 1, first, tick_size, out[n], 2 * DEPTH)
        n += 1
    return n


@njit
def replay_quietly(hbt, tick_size, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, D103
    while hbt.wait_next_feed(False, FOREVER) == FEED:  # noqa: FBT003 - compiled, takes no keywords
        pass
    depth = hbt.depth(0)
    first = depth.roi_lb_tick
    out[0][:] = np.nan
    fill(depth.bid_depth, depth.best_bid_tick - first, -1, first, tick_size, out[0], 0)
    fill(depth.ask_depth, depth.best_ask_tick - first, 1, first, tick_size, out[0], 2 * DEPTH)
    return 1


def played(events: np.ndarray, given: dict[str, Any], loop: Any, n_rows: int) -> np.ndarray:  # noqa: ANN401 - a compiled function
    """Replay, and return the tops."""
    out = np.empty((n_rows, 4 * DEPTH))
    hbt = backtest(events, given)
    n = loop(hbt, given["tick_size"], out)
    hbt.close()
    return out[:n]


def whole(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From the capture to a top after each depth message: convert and replay."""
    return lambda: played(converted(given), given, replay, given["n_depth"]), compared_by_instant


def tops(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From converted events to a top after each depth message."""
    events = converted(given)
    return lambda: played(events, given, replay, given["n_depth"]), compared_by_instant


def book(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From converted events to the book at the end."""
    events = converted(given)
    return lambda: played(events, given, replay_quietly, 1), compared_at_end


CONTENDERS: Final = {"book": book, "tops": tops, "whole": whole}
