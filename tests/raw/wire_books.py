"""Builders of decoded messages, small enough to check by eye."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import (
    BUY,
    NO_CHECKSUM,
    NO_SEQ,
    NO_TIME,
    SELL,
    SNAPSHOT,
    UPDATE,
    BookMessages,
    DeadLetter,
    Messages,
    TickerMessages,
    TradeMessages,
)
from trading_assets.raw.units import in_units

Rungs = Sequence[tuple[int, int]]
MIDNIGHT = 1_723_075_200_000_000_000  # 2024-08-08
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Depth:
    """One depth update or snapshot; `ts` counts seconds of 2024-08-08."""

    ts: float
    first: int
    last: int
    prev: int = NO_SEQ
    bids: Rungs = ()
    asks: Rungs = ()
    is_snapshot: bool = False
    sent: float | None = None  # the venue's clock, where it is not that of arrival


@dataclass(frozen=True)
class Print:
    """One trade."""

    ts: float
    trade_id: int
    px: int = 100
    sz: int = 1
    is_sell: bool = False


@dataclass(frozen=True)
class Best:
    """One ticker: bid price, bid size, ask price, ask size."""

    ts: float
    seq: int
    top: tuple[int, int, int, int] = field(default=(99, 1, 101, 1))


Line = Depth | Print | Best


def snapshot(ts: float, at: int, bids: Rungs = ((99, 1),), asks: Rungs = ((101, 1),)) -> Depth:
    return Depth(ts, at, at, bids=bids, asks=asks, is_snapshot=True)


def update(ts: float, first: int, last: int | None = None, *, bids: Rungs = (), asks: Rungs = ()) -> Depth:
    return Depth(ts, first, first if last is None else last, bids=bids, asks=asks)


def linked(ts: float, ids: tuple[int, int, int], *, bids: Rungs = (), asks: Rungs = ()) -> Depth:
    prev, first, last = ids
    return Depth(ts, first, last, prev, bids, asks)


def capture(lines: Sequence[Line], *, px_decimals: int = 0, sz_decimals: int = 0, dead: Sequence[str] = ()) -> Messages:
    numbered = list(enumerate(lines))
    letters = tuple(DeadLetter(len(lines) + i, 0, 1, reason, b"?") for i, reason in enumerate(dead))
    return Messages(
        len(lines) + len(dead),
        px_decimals,
        _book([(n, x) for n, x in numbered if isinstance(x, Depth)], px_decimals, sz_decimals),
        _trades([(n, x) for n, x in numbered if isinstance(x, Print)], px_decimals, sz_decimals),
        _tickers([(n, x) for n, x in numbered if isinstance(x, Best)], px_decimals, sz_decimals),
        {},
        letters,
    )


def sent(line: Depth) -> float:
    return line.ts if line.sent is None else line.sent


def ns(ts: float) -> int:
    return MIDNIGHT + round(ts * SECOND)


def _int64s(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def _book(lines: Sequence[tuple[int, Depth]], px_decimals: int, sz_decimals: int) -> BookMessages:
    rungs = [(is_ask, *rung) for _, x in lines for is_ask, side in ((False, x.bids), (True, x.asks)) for rung in side]
    return BookMessages(
        line_no=_int64s([n for n, _ in lines]),
        ts_recv=_int64s([ns(x.ts) for _, x in lines]),
        ts_event=_int64s([NO_TIME if x.is_snapshot else ns(sent(x)) for _, x in lines]),
        kind=np.array([SNAPSHOT if x.is_snapshot else UPDATE for _, x in lines], dtype=np.int8),
        seq_first=_int64s([x.first for _, x in lines]),
        seq_last=_int64s([x.last for _, x in lines]),
        seq_prev=_int64s([x.prev for _, x in lines]),
        seq_ticker=_int64s([NO_SEQ] * len(lines)),
        max_levels=_int64s([0] * len(lines)),
        checksum=_int64s([NO_CHECKSUM] * len(lines)),
        px_places=_int64s([0] * len(lines)),
        sz_places=_int64s([0] * len(lines)),
        offsets=_int64s(np.cumsum([0, *(len(x.bids) + len(x.asks) for _, x in lines)]).tolist()),
        is_ask=np.array([is_ask for is_ask, _, _ in rungs], dtype=np.bool_),
        px=in_units(_int64s([px for _, px, _ in rungs]), px_decimals),
        sz=in_units(_int64s([sz for _, _, sz in rungs]), sz_decimals),
    )


def _trades(lines: Sequence[tuple[int, Print]], px_decimals: int, sz_decimals: int) -> TradeMessages:
    times = _int64s([ns(x.ts) for _, x in lines])
    trade_id, px, sz = (_int64s([getattr(x, name) for _, x in lines]) for name in ("trade_id", "px", "sz"))
    side = np.array([SELL if x.is_sell else BUY for _, x in lines], dtype=np.int8)
    numbers = (in_units(px, px_decimals), in_units(sz, sz_decimals))
    return TradeMessages(_int64s([n for n, _ in lines]), times, times, trade_id, *numbers, side)


def _tickers(lines: Sequence[tuple[int, Best]], px_decimals: int, sz_decimals: int) -> TickerMessages:
    times, seq = _int64s([ns(x.ts) for _, x in lines]), _int64s([x.seq for _, x in lines])
    tops = [in_units(_int64s([x.top[i] for _, x in lines]), (px_decimals, sz_decimals)[i % 2]) for i in range(4)]
    return TickerMessages(_int64s([n for n, _ in lines]), times, seq, *tops)


def joined(first: Messages, second: Messages) -> Messages:
    """Both captures as one, as if recorded into one file."""
    parts = {
        name: _concatenated(getattr(first, name), getattr(second, name), lines=first.n_lines)
        for name in ("book", "trades", "tickers")
    }
    return replace(first, n_lines=first.n_lines + second.n_lines, **parts)


def _concatenated(first: object, second: object, *, lines: int) -> object:
    columns = {name: [getattr(part, name) for part in (first, second)] for name in first.__slots__}
    columns["line_no"][1] = columns["line_no"][1] + lines
    if "offsets" in columns:
        head, tail = columns["offsets"]
        columns["offsets"] = [head, tail[1:] + head[-1]]
    return type(first)(**{name: np.concatenate(parts) for name, parts in columns.items()})


def arriving(messages: Messages, ts_recv: np.ndarray) -> Messages:
    """The same depth messages, received at other times."""
    return replace(messages, book=replace(messages.book, ts_recv=ts_recv))


def tops(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """Each row as (last id, valid, bid price, bid size, ask price, ask size)."""
    best = [schema.level(side, name, 0) for side in schema.SIDES for name in schema.FIELDS]
    return frame.select(schema.SEQ_LAST, schema.IS_VALID, *best).rows()


def seconds(frame: pl.DataFrame, column: str) -> list[float | None]:
    """A time column in seconds of the day."""
    return [None if x is None else (x - MIDNIGHT) / SECOND for x in frame[column].cast(pl.Int64)]
