"""The form in which all book contenders hand over their tops, so that they can be compared level by level.

Belongs here: the layout. Does not: how a book is kept.

A row is `[4 * depth]`: prices of bids, sizes of bids, prices of asks, sizes of asks, the best first; NaN where the
book has fewer levels. Rows stand for depth messages, in their order.
"""

from typing import Any, Final

import numpy as np

DEPTH: Final = 20
DECIMALS: Final = 8


def compared(tops: Any, name: str = "tops") -> dict[str, np.ndarray]:  # noqa: ANN401 - an array, or a list of lists of floats
    """Round off what the arithmetic of ticks adds to a price: 61800.200000000004 is 61800.2.

    Args:
        tops: rows as above.
        name: `tops` after each message, `tops_of_instants` after each receive time, or `last_top` of the end alone.
    """
    return {name: np.round(np.asarray(tops, np.float64), DECIMALS)}


def compared_at_end(tops: Any) -> dict[str, np.ndarray]:  # noqa: ANN401 - see above
    """The same of the book at the end."""
    return compared(tops, "last_top")


def compared_by_instant(tops: Any) -> dict[str, np.ndarray]:  # noqa: ANN401 - see above
    """The same of a book that shows itself once an instant, after all messages of it."""
    return compared(tops, "tops_of_instants")
