"""Join the messages of a capture's chunks.

Belongs here: concatenation. Does not: what a chunk holds (batch).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from trading_assets.raw.messages import BookMessages, Messages, TickerMessages, TradeMessages, nothing

_Columns = TypeVar("_Columns", BookMessages, TradeMessages, TickerMessages)


def join(pieces: Iterable[Messages]) -> Messages:
    """Put the pieces of a capture together, in order."""
    parts = [nothing(), *pieces]
    books = _concatenated([part.book for part in parts])
    counts = np.concatenate([np.diff(part.book.offsets) for part in parts])
    return Messages(
        n_lines=sum(part.n_lines for part in parts),
        px_decimals=max(part.px_decimals for part in parts),
        book=replace(books, offsets=np.concatenate([[0], np.cumsum(counts)])),
        trades=_concatenated([part.trades for part in parts]),
        tickers=_concatenated([part.tickers for part in parts]),
        ignored=dict(sorted(sum((Counter(part.ignored) for part in parts), Counter()).items())),
        dead_letters=tuple(letter for part in parts for letter in part.dead_letters),
    )


def _concatenated(parts: Sequence[_Columns]) -> _Columns:
    names = [column.name for column in fields(parts[0])]
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
