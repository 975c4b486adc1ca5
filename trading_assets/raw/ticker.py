"""The venue's own best bid and ask messages held against the rebuilt book: which could be, and which agree.

Belongs here: finding the rows of a book that a ticker speaks of, whatever the order of ids.
Does not: how much agreement is enough (settings).

Both tables are walked a block at a time. Ids nearly rise, so a block of tickers meets one or two blocks of the book;
where a venue began its ids anew it may meet them all, one after the other.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.blocks import blocks
from trading_assets.raw.messages import Bools

_TOP: Final = tuple(schema.level(side, field, 0) for side in schema.SIDES for field in schema.FIELDS)
_OF_BOOK: Final = "_of_book"


class _Span(NamedTuple):
    """Where a block of the book lies, and the smallest and largest id of its valid rows."""

    start: int
    n_rows: int
    low: int
    high: int


class _Book:
    """The valid rows of a book by their ids, some columns of them, the two blocks at hand kept."""

    def __init__(self, snapshots: pl.LazyFrame, columns: Sequence[str]) -> None:
        self.spans = list(_spans(snapshots))
        self._table = snapshots.select(*columns, schema.IS_VALID)
        self._rows = lru_cache(maxsize=2)(self._read)

    def near(self, asked: pl.Series) -> Iterator[pl.DataFrame]:
        """Yield those of each block that may hold one of the ids asked for."""
        low, high = asked.min(), asked.max()
        if isinstance(low, int) and isinstance(high, int):
            for span in self.spans:
                if span.low <= high and low <= span.high:
                    yield self._rows(span).filter(pl.col(schema.SEQ_LAST).is_between(low, high))

    def _read(self, span: _Span) -> pl.DataFrame:
        block = self._table.slice(span.start, span.n_rows).collect()
        return block.filter(schema.IS_VALID).drop(schema.IS_VALID)


def _spans(snapshots: pl.LazyFrame) -> Iterator[_Span]:
    start = 0
    for block in blocks(snapshots, [schema.SEQ_LAST, schema.IS_VALID]):
        ids = block.filter(schema.IS_VALID)[schema.SEQ_LAST]
        low, high = ids.min(), ids.max()
        if isinstance(low, int) and isinstance(high, int):
            yield _Span(start, block.height, low, high)
        start += block.height


def ticker_agreement(snapshots: pl.LazyFrame, tickers: pl.LazyFrame) -> dict[str, int | float]:
    """Compare each ticker with the valid rows of equal id; a number that the ticker does not say agrees.

    Args:
        snapshots: `schema.l2_snapshots`, of any depth.
        tickers: `seq_last` and best prices and sizes, null where not said; nearly in the order of ids.

    Returns:
        n_ticker, n_ticker_compared, n_ticker_disagree; ticker_agreement, 1.0 where none could be compared.
    """
    n_tickers = n_compared = n_disagree = 0
    agrees = pl.all_horizontal(
        pl.col(name).is_null() | pl.col(name).eq_missing(pl.col(name + _OF_BOOK)) for name in _TOP
    )
    book = _Book(snapshots, [schema.SEQ_LAST, *_TOP])
    for said in blocks(tickers, [schema.SEQ_LAST, *_TOP]):
        n_tickers += said.height
        for shown in book.near(said[schema.SEQ_LAST]):
            both = said.join(shown, on=schema.SEQ_LAST, suffix=_OF_BOOK)
            n_compared += both.height
            n_disagree += both.filter(~agrees).height
    return {
        "n_ticker": n_tickers,
        "n_ticker_compared": n_compared,
        "n_ticker_disagree": n_disagree,
        "ticker_agreement": 1.0 - n_disagree / n_compared if n_compared else 1.0,
    }


def comparable_tickers(snapshots: pl.DataFrame | pl.LazyFrame, tickers: pl.DataFrame | pl.LazyFrame) -> dict[str, int]:
    """Count tickers by what the book can say about them.

    A ticker carries the id of one change; a depth update covers a range of ids and shows the book at its last.

    Args:
        snapshots: `schema.l2_snapshots`.
        tickers: `RawDay.tickers`.

    Returns:
        compared: the id is the last of a valid row. inside_an_update: between two valid rows, so that the book of that
        instant was never sent. before_the_book, after_the_book: outside the ids of all valid rows.
    """
    book = _Book(snapshots.lazy(), [schema.SEQ_LAST])
    low, high = min((s.low for s in book.spans), default=None), max((s.high for s in book.spans), default=None)
    counts = dict.fromkeys(("compared", "inside_an_update", "before_the_book", "after_the_book"), 0)
    for block in blocks(tickers.lazy(), [schema.SEQ_LAST]):
        asked = block[schema.SEQ_LAST]
        n_before = asked.len() if low is None else int((asked < low).sum())
        n_after = 0 if high is None else int((asked > high).sum())
        n_compared = int(_is_among(asked, book.near(asked)).sum())
        counts["compared"] += n_compared
        counts["before_the_book"] += n_before
        counts["after_the_book"] += n_after
        counts["inside_an_update"] += asked.len() - n_compared - n_before - n_after
    return counts


def _is_among(asked: pl.Series, rows: Iterator[pl.DataFrame]) -> Bools:
    found: Bools = np.zeros(asked.len(), np.bool_)
    for shown in rows:
        found |= asked.is_in(shown[schema.SEQ_LAST].implode()).fill_null(value=False).to_numpy()
    return found
