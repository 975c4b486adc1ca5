# ruff: noqa: ANN001, ANN201, FBT003
# Numba, which compiles this, takes no annotations, and hftbacktest's methods no keywords.
"""Run by the peers' Python: replay an npz with hftbacktest and write down what its book shows after each instant.

python replay_hftbacktest.py EVENTS.npz OUT.npz DEPTH TICK_SIZE
"""

import sys

import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data import validate_event_order
from hftbacktest.types import EXCH_EVENT, LOCAL_EVENT, TRADE_EVENT, event_dtype
from numba import njit

FEED, FOREVER, SEARCH = 2, 10**18, 10**6
UNKNOWN_EVENT, LATER = 100, 10**12


@njit
def replay(hbt, times, tops, trades):
    n = n_trades = 0
    while hbt.wait_next_feed(False, FOREVER) == FEED:
        depth = hbt.depth(0)
        times[n] = hbt.current_timestamp
        for is_ask in (0, 1):
            best = depth.best_ask_tick if is_ask else depth.best_bid_tick
            found, empty, tick = 0, 0, best
            is_empty = np.isnan(depth.best_ask if is_ask else depth.best_bid)
            while not is_empty and found < tops.shape[3] and empty < SEARCH:
                qty = depth.ask_qty_at_tick(tick) if is_ask else depth.bid_qty_at_tick(tick)
                empty += 1
                if qty > 0:
                    tops[n, is_ask, 0, found] = tick
                    tops[n, is_ask, 1, found] = qty
                    found += 1
                    empty = 0
                tick += 1 if is_ask else -1
        for trade in hbt.last_trades(0):
            trades[n_trades] = trade
            n_trades += 1
        hbt.clear_last_trades(0)
        n += 1
    return n, n_trades


def main() -> None:
    events, out, depth, tick_size = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    data = np.load(events)["data"]
    assert data.dtype == event_dtype, data.dtype
    validate_event_order(data)
    data = np.append(data, data[-1:])  # what arrives at the very end is not announced: let something come after it
    data[-1]["ev"], data[-1]["qty"] = UNKNOWN_EVENT | EXCH_EVENT | LOCAL_EVENT, 0
    data[-1]["exch_ts"] = data[-1]["local_ts"] = data["local_ts"].max() + LATER
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(tick_size)
        .lot_size(1e-9)
        .last_trades_capacity(10_000)
    )
    hbt = HashMapMarketDepthBacktest([asset])
    times = np.zeros(len(data), np.int64)
    tops = np.full((len(data), 2, 2, depth), np.nan)
    n_trades = int(((data["ev"] & 0xFF == TRADE_EVENT) & (data["ev"] & LOCAL_EVENT > 0)).sum())
    trades = np.zeros(n_trades, event_dtype)
    n, n_seen = replay(hbt, times, tops, trades)
    assert n_seen == n_trades, (n_seen, n_trades)
    tops[:n, :, 0] = np.round(tops[:n, :, 0] * tick_size, 9)
    np.savez(out, times=times[:n], tops=tops[:n], trades=trades)


if __name__ == "__main__":
    main()
