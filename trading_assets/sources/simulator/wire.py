"""Binance spot's wire: changes of the book spelled as depth, ticker, trade and snapshot messages.

Field meanings: Binance spot API documentation, "WebSocket Streams" (combined streams; diff depth, trade and
individual symbol book ticker) and "Market Data endpoints" (order book).

Belongs here: the text of messages, and when the venue sends them.
Does not: when they arrive (`captures`).
"""

from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from trading_assets.identifiers import Instrument
from trading_assets.sources.simulator.exchange import Block, Snapshot
from trading_assets.sources.simulator.order_flow import (
    ASK_LOTS,
    ASK_TICK,
    BID,
    BID_LOTS,
    BID_TICK,
    IS_TOP,
    LOTS,
    SIDE,
    TICK,
    TIME,
    TRADED,
    Int64s,
)

WINDOW_NS: Final = 100_000_000
"""One depth message sums up this much time."""
SNAPSHOT_LEVELS: Final = 1000
SNAPSHOT_DELAY_NS: Final = 40_000_000
"""A REST answer is this old when the venue has written it."""
MS_NS: Final = 1_000_000


class Message(NamedTuple):
    """A message as the venue sends it."""

    sent_ns: int  # by the venue's clock
    row: int  # of the last change it tells of
    text: str  # JSON


def messages(block: Block, instrument: Instrument) -> list[Message]:
    """Spell a block as the venue's messages, in the order they are sent: a trade before the ticker it moves."""
    symbol = instrument.symbol
    spoken = [
        *_trades(block, symbol),
        *_tickers(block, symbol),
        *_depths(block, symbol),
        *(_snapshot(snapshot, block.first_seq) for snapshot in block.snapshots),
    ]
    return sorted(spoken, key=itemgetter(0, 1))


def _trades(block: Block, symbol: str) -> Iterator[Message]:
    head = f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":'
    rows = np.flatnonzero(block.changes[:, TRADED])
    traded = block.changes[rows][:, [TIME, SIDE, TICK, TRADED]].tolist()
    told = zip(rows.tolist(), traded, strict=True)
    for trade_id, (row, (time_ns, side, tick, lots)) in enumerate(told, start=block.first_trade_id):
        ms = time_ns // MS_NS
        maker = "true" if side == BID else "false"
        yield Message(
            time_ns,
            row,
            f'{head}{ms},"s":"{symbol}","t":{trade_id},"p":"{_px(tick)}","q":"{_sz(lots)}",'
            f'"T":{ms},"m":{maker},"M":true}}}}',
        )


def _tickers(block: Block, symbol: str) -> Iterator[Message]:
    head = f'{{"stream":"{symbol.lower()}@bookTicker","data":{{"u":'
    rows = np.flatnonzero(block.changes[:, IS_TOP])
    tops = block.changes[rows][:, [TIME, BID_TICK, BID_LOTS, ASK_TICK, ASK_LOTS]].tolist()
    for row, (time_ns, bid, bid_lots, ask, ask_lots) in zip(rows.tolist(), tops, strict=True):
        yield Message(
            time_ns,
            row,
            f'{head}{block.first_seq + row},"s":"{symbol}","b":"{_px(bid)}","B":"{_sz(bid_lots)}",'
            f'"a":"{_px(ask)}","A":"{_sz(ask_lots)}"}}}}',
        )


def _depths(block: Block, symbol: str) -> Iterator[Message]:
    head = f'{{"stream":"{symbol.lower()}@depth@100ms","data":{{"e":"depthUpdate","E":'
    window_of = (block.changes[:, TIME] - block.start_ns) // WINDOW_NS
    last = _last_of_each_level(block, window_of)
    texts = [f'["{_px(tick)}","{_sz(lots)}"]' for tick, lots in block.changes[last][:, [TICK, LOTS]].tolist()]
    windows, firsts = np.unique(window_of, return_index=True)
    ends = np.append(firsts[1:], len(window_of))
    # Levels lie window by window, bids before asks: key 2 * window + side finds where each run begins.
    keys = 2 * window_of[last] + block.changes[last, SIDE]
    runs = np.searchsorted(keys, np.stack([2 * windows, 2 * windows + 1, 2 * windows + 2], axis=1)).tolist()
    for window, first, end, (bid, ask, stop) in zip(
        windows.tolist(), firsts.tolist(), ends.tolist(), runs, strict=True
    ):
        sent_ns = block.start_ns + (window + 1) * WINDOW_NS
        yield Message(
            sent_ns,
            end - 1,
            f'{head}{sent_ns // MS_NS},"s":"{symbol}","U":{block.first_seq + first},"u":{block.first_seq + end - 1},'
            f'"b":[{",".join(texts[bid:ask])}],"a":[{",".join(texts[ask:stop])}]}}}}',
        )


def _last_of_each_level(block: Block, window_of: Int64s) -> Int64s:
    """Rows that state a level's size at the end of a window, by window, bids first, each side best price first."""
    side, tick = block.changes[:, SIDE], block.changes[:, TICK]
    outward = np.where(side == BID, -tick, tick)
    order = np.lexsort((outward, side, window_of))
    ordered = np.stack([window_of, side, outward])[:, order]
    differs_from_next = np.append(np.any(ordered[:, 1:] != ordered[:, :-1], axis=0), True)
    last: Int64s = order[differs_from_next]
    return last


def _snapshot(snapshot: Snapshot, first_seq: int) -> Message:
    bids, asks = (
        ",".join(f'["{_px(tick)}","{_sz(lots)}"]' for tick, lots in list(side.items())[:SNAPSHOT_LEVELS])
        for side in (snapshot.bids, snapshot.asks)
    )
    text = f'{{"lastUpdateId":{snapshot.seq},"bids":[{bids}],"asks":[{asks}]}}'
    return Message(snapshot.time_ns + SNAPSHOT_DELAY_NS, snapshot.seq - first_seq, text)


@lru_cache(maxsize=4096)
def _px(tick: int) -> str:
    """Spell a price of 0.01 a tick with the venue's eight decimals."""
    return f"{tick // 100}.{tick % 100:02d}000000"


def _sz(lots: int) -> str:
    """Spell a size of 0.00001 a lot with the venue's eight decimals."""
    return f"{lots // 100_000}.{lots % 100_000:05d}000"
