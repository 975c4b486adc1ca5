"""Whether LOBSTER's messages and books agree: each message held against the change of the book after it.

Belongs here: the comparison, in whole $0.0001 and shares. Does not: reading rows and writing lines (lobster).

A message that changes the book does so at one price of one side, by its size; every other level is as before, but for
the one that moves in from below the last or out beyond it. Any other message leaves the book as it was.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl

from trading_assets.raw.messages import Bools, Int64s

CHANGES: Final = (1, 2, 3, 4)
"""Types of messages that change the book: submission, partial cancellation, deletion, visible execution."""
_SUBMISSION: Final = 1
_NO_PRICE: Final = 9_999_999_999
BID, ASK = 0, 1


@dataclass(frozen=True, slots=True)
class Books:
    """The book before the first message of a stretch, and after each of its `n` messages.

    Before the first message of a file, and after a row that could not be read, the book is not known.
    """

    px: Int64s  # [n + 1, 2 (bid, ask), depth]
    sz: Int64s  # [n + 1, 2, depth]
    number: Int64s  # [n + 1] of the row in the file

    @classmethod
    def of(cls, rows: Int64s, numbers: Int64s, before: "Books | None") -> Self:
        """Lay out rows of an orderbook file: ask price, ask size, bid price, bid size, level after level."""
        levels = rows.reshape(len(rows), -1, 4)
        px = np.stack([levels[:, :, 2], levels[:, :, 0]], axis=1)
        sz = np.stack([levels[:, :, 3], levels[:, :, 1]], axis=1)
        first = cls(px[:1], sz[:1], numbers[:1] - 2) if before is None else before
        parts = zip((first.px, first.sz, first.number), (px, sz, numbers), strict=True)
        return cls(*(np.concatenate(part) for part in parts))

    @property
    def is_known(self) -> Bools:
        """Tell of each message whether the book before it is that of the row before it: `[n]`."""
        adjacent: Bools = np.diff(self.number) == 1
        return adjacent

    @property
    def depth(self) -> int:
        """Levels a side."""
        return int(self.px.shape[2])

    def last(self) -> "Books":
        """Return the book after the last message, alone."""
        return Books(self.px[-1:], self.sz[-1:], self.number[-1:])

    def after(self, side: int) -> tuple[Int64s, Int64s, Bools]:
        """Return prices, sizes, and which levels there are, after each message: `[n, depth]` each."""
        px = self.px[1:, side]
        return px, self.sz[1:, side], np.abs(px) != _NO_PRICE

    def is_same(self) -> Bools:
        """Tell of each message whether the book stayed as it was, as far as that is known: `[n]`."""
        stayed: Bools = (np.diff(self.px, axis=0) == 0).all((1, 2)) & (np.diff(self.sz, axis=0) == 0).all((1, 2))
        return stayed & self.is_known


def disagreements(messages: pl.DataFrame, books: Books) -> Bools:
    """Mark messages that the books contradict: `[n]`.

    Args:
        messages: `type`, `size`, `price`, `direction` as integers; `n` rows.
        books: the book before and after each.
    """
    kind, size, price, direction = (messages[name].to_numpy() for name in ("type", "size", "price", "direction"))
    is_change = np.isin(kind, CHANGES)
    side = np.where(direction > 0, BID, ASK)
    rows = np.arange(len(kind))
    px, sz = books.px, books.sz
    other = 1 - side
    other_stays = (px[rows, other] == px[rows + 1, other]).all(1) & (sz[rows, other] == sz[rows + 1, other]).all(1)
    delta = np.where(kind == _SUBMISSION, size, -size)
    before, after = (px[rows, side], sz[rows, side]), (px[rows + 1, side], sz[rows + 1, side])
    agrees = np.where(is_change, other_stays & _is_changed(before, after, price, delta), books.is_same())
    return ~agrees & books.is_known


def _is_changed(before: tuple[Int64s, Int64s], after: tuple[Int64s, Int64s], price: Int64s, delta: Int64s) -> Bools:
    """Tell of each row whether one side changed by `delta` at `price` and nowhere else: `[n]`."""
    (px, sz), depth = before, before[0].shape[1]
    was, is_ = px == price[:, None], after[0] == price[:, None]
    comes, goes = is_.any(1) & ~was.any(1), was.any(1) & ~is_.any(1)
    rank = np.where(was.any(1), was.argmax(1), is_.argmax(1))[:, None]
    ranks = np.arange(depth)[None, :]
    at = ranks == rank
    source = ranks - (comes[:, None] & (ranks > rank)) + (goes[:, None] & (ranks >= rank))
    source = np.minimum(source, depth - 1)
    expected_px = np.where(comes[:, None] & at, price[:, None], np.take_along_axis(px, source, 1))
    moved = np.take_along_axis(sz, source, 1)
    changed = np.where(comes[:, None], delta[:, None], moved + delta[:, None])
    expected_sz = np.where(at & ~goes[:, None], changed, moved)
    gone_whole = np.take_along_axis(sz, rank, 1)[:, 0] + delta == 0
    from_below = goes[:, None] & (ranks == depth - 1)  # what moves in was not seen before
    is_expected = from_below | ((after[0] == expected_px) & (after[1] == expected_sz))
    result: Bools = is_expected.all(1) & (was.any(1) | is_.any(1)) & (~goes | gone_whole)
    return result
