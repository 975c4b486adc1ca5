"""Join the batches of a capture's chunks at one common scale.

Belongs here: the last rescaling, what overflows in it, concatenation. Does not: what a chunk holds (batch).
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from trading_assets.raw.decoding.batch import Batch
from trading_assets.raw.decoding.scale import overflows, rescale
from trading_assets.raw.messages import BookMessages, Bools, Int64s, TickerMessages, TradeMessages

_Rows = TypeVar("_Rows", TradeMessages, TickerMessages)
_Columns = TypeVar("_Columns", BookMessages, TradeMessages, TickerMessages)


def join(batches: Sequence[Batch]) -> tuple[Batch, Int64s]:
    """Bring all batches (at least one) to the finest scale among them; also the line numbers that overflow there."""
    px_to = max(batch.px_decimals for batch in batches)
    sz_to = max(batch.sz_decimals for batch in batches)
    checked = [_without_overflow(batch, px_to, sz_to) for batch in batches]
    scaled = [_rescaled(batch, px_to, sz_to) for batch, _ in checked]
    books = _concatenated([batch.book for batch in scaled])
    counts = np.concatenate([np.diff(batch.book.offsets) for batch in scaled])
    joined = Batch(
        px_to,
        sz_to,
        replace(books, offsets=np.concatenate([[0], np.cumsum(counts)])),
        _concatenated([batch.trades for batch in scaled]),
        _concatenated([batch.tickers for batch in scaled]),
    )
    return joined, np.concatenate([lost for _, lost in checked])


def _without_overflow(batch: Batch, px_to: int, sz_to: int) -> tuple[Batch, Int64s]:
    def too_large(px: Int64s, sz: Int64s) -> Bools:
        return overflows(px, batch.px_decimals, px_to) | overflows(sz, batch.sz_decimals, sz_to)

    book, trades, tickers = batch.book, batch.trades, batch.tickers
    levels = too_large(book.px, book.sz)
    lost_book = np.isin(
        np.arange(len(book.line_no)), np.searchsorted(book.offsets, np.flatnonzero(levels), "right") - 1
    )
    lost_trades = too_large(trades.px, trades.sz)
    lost_tickers = too_large(tickers.bid_px, tickers.bid_sz) | too_large(tickers.ask_px, tickers.ask_sz)
    lost = [book.line_no[lost_book], trades.line_no[lost_trades], tickers.line_no[lost_tickers]]
    kept = replace(
        batch,
        book=_kept_book(book, ~lost_book),
        trades=_kept(trades, ~lost_trades),
        tickers=_kept(tickers, ~lost_tickers),
    )
    return kept, np.concatenate(lost)


def _rescaled(batch: Batch, px_to: int, sz_to: int) -> Batch:
    def px(values: Int64s) -> Int64s:
        return rescale(values, batch.px_decimals, px_to)

    def sz(values: Int64s) -> Int64s:
        return rescale(values, batch.sz_decimals, sz_to)

    book, trades, tickers = batch.book, batch.trades, batch.tickers
    return Batch(
        px_to,
        sz_to,
        replace(book, px=px(book.px), sz=sz(book.sz)),
        replace(trades, px=px(trades.px), sz=sz(trades.sz)),
        replace(
            tickers,
            bid_px=px(tickers.bid_px),
            bid_sz=sz(tickers.bid_sz),
            ask_px=px(tickers.ask_px),
            ask_sz=sz(tickers.ask_sz),
        ),
    )


def _kept(messages: _Rows, keep: Bools) -> _Rows:
    if keep.all():
        return messages
    return type(messages)(**{column.name: getattr(messages, column.name)[keep] for column in fields(messages)})


def _kept_book(book: BookMessages, keep: Bools) -> BookMessages:
    if keep.all():
        return book
    counts = np.diff(book.offsets)
    mask = dict.fromkeys(("is_ask", "px", "sz"), np.repeat(keep, counts))
    columns = {column.name: getattr(book, column.name) for column in fields(book) if column.name != "offsets"}
    kept = {name: values[mask.get(name, keep)] for name, values in columns.items()}
    return BookMessages(**kept, offsets=np.concatenate([[0], np.cumsum(counts[keep])]))


def _concatenated(parts: Sequence[_Columns]) -> _Columns:
    names = [column.name for column in fields(parts[0])]
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
