"""Join the messages of a capture's chunks.

Belongs here: concatenation. Does not: what a chunk holds (batch).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from trading_assets.raw.messages import Messages, concatenated, nothing


def join(pieces: Iterable[Messages]) -> Messages:
    """Put the pieces of a capture together, in order."""
    parts = [nothing(), *pieces]
    books = concatenated([part.book for part in parts])
    counts = np.concatenate([np.diff(part.book.offsets) for part in parts])
    return Messages(
        n_lines=sum(part.n_lines for part in parts),
        px_decimals=max(part.px_decimals for part in parts),
        book=replace(books, offsets=np.concatenate([[0], np.cumsum(counts)])),
        trades=concatenated([part.trades for part in parts]),
        tickers=concatenated([part.tickers for part in parts]),
        ignored=dict(sorted(sum((Counter(part.ignored) for part in parts), Counter()).items())),
        dead_letters=tuple(letter for part in parts for letter in part.dead_letters),
    )
