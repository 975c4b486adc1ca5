"""Trades in the venue's order, and the trades that are missing.

Belongs here: order, repeats and gaps of trade ids. Does not: what trades say about the market (features).

Trades are sorted by id; each keeps the receive time it came with. Of repeats the first to arrive counts. Binance's ids
are consecutive, so an id that arrives more than one above the highest so far reveals a gap. It is noted when it is
revealed, and stays noted when the missing trade comes late: at that moment it *was* missing. The book knows nothing
of it and stays valid.
"""

from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import BUY, NO_SIDE, NO_TIME, SELL, Int64s, TradeMessages
from trading_assets.raw.rebuilding.units import in_units

_SIDES: Final = {SELL: "sell", BUY: "buy", NO_SIDE: None}


def trades_frame(trades: TradeMessages, *, px_decimals: int, sz_decimals: int) -> pl.DataFrame:
    """Return `raw_trades` (`schema.TRADES`), one row a trade id, rising."""
    columns = {
        schema.TS_EVENT: pl.Series(trades.ts_event, dtype=pl.Int64),
        schema.TS_RECV: pl.Series(trades.ts_recv, dtype=pl.Int64),
        schema.TRADE_ID: pl.Series(trades.trade_id, dtype=pl.Int64),
        schema.PX: in_units(trades.px, px_decimals),
        schema.SZ: in_units(trades.sz, sz_decimals),
        schema.AGGRESSOR_SIDE: pl.Series(trades.side, dtype=pl.Int8),
    }
    rows = pl.DataFrame(columns)[_first_arrivals(trades)].sort(schema.TRADE_ID)
    event, side = pl.col(schema.TS_EVENT), pl.col(schema.AGGRESSOR_SIDE)
    return rows.with_columns(
        pl.when(event != NO_TIME).then(event),
        side.replace_strict(_SIDES, return_dtype=schema.AGGRESSOR),
    ).cast(pl.Schema(schema.TRADES))


def trade_gaps(trades: TradeMessages) -> pl.DataFrame:
    """Return the ledger rows (`schema.FEED_GAPS`) of trade ids that were missing when a later one arrived."""
    first = _first_arrivals(trades)
    trade_id, ts = trades.trade_id[first], trades.ts_recv[first]
    highest = np.maximum.accumulate(trade_id) if len(trade_id) else trade_id
    after = np.flatnonzero(trade_id[1:] > highest[:-1] + 1) + 1
    columns = {
        schema.TS_START: ts[after - 1],
        schema.TS_KNOWN: ts[after],
        schema.TS_END: ts[after],
        schema.SEQ_BEFORE: highest[after - 1],
        schema.SEQ_AFTER: trade_id[after],
    }
    return pl.DataFrame(columns).with_columns(pl.lit("trade_gap").alias(schema.CAUSE)).cast(pl.Schema(schema.FEED_GAPS))


def _first_arrivals(trades: TradeMessages) -> Int64s:
    """Return the indices of trades in order of arrival, without repeats of an id."""
    order = np.lexsort((trades.trade_id, trades.ts_recv))
    is_first = pl.Series(trades.trade_id[order], dtype=pl.Int64).is_first_distinct().to_numpy()
    first: Int64s = order[is_first]
    return first
