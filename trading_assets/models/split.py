"""One chronological split: fit on what came first, evaluate on the end, with a purged stretch between.

Belongs here: which rows are fitted and which stay unseen.
Does not: what is fitted (train.py) or how it is judged (evaluate.py).

A training row whose label window reaches into the evaluation part has seen it; such rows are purged, and an
embargo as long as the longest look-back keeps the two parts from sharing inputs (López de Prado 2018,
Advances in Financial Machine Learning, sections 7.4.1 and 7.4.2).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from trading_assets.errors import NotTrainable
from trading_assets.models.dataset import Integers, to_ns

LEAST_ROWS: Final = 20
"""Rows below which neither side of a split says anything: fitting and judging need at least these."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows `[0, train_end)` are fitted, rows `[evaluate_start, n)` stay unseen, those between are purged."""

    train_end: int
    evaluate_start: int


def split_forward(ts: Integers, *, horizon_s: float, embargo_s: float, evaluate_share: float) -> Split:
    """Hold back the last `evaluate_share` of the rows and purge what is too near to them.

    Args:
        ts: strictly rising grid ticks, nanoseconds since the epoch, shape (rows,).
        horizon_s: length of the label window in seconds.
        embargo_s: further seconds kept free between a label window and the first unseen row.
        evaluate_share: share of the rows that stays unseen, in [0, 1].

    Raises:
        NotTrainable: fewer than `LEAST_ROWS` rows would be left on either side.
    """
    evaluate_start = len(ts) - math.floor(len(ts) * evaluate_share)
    n_unseen = len(ts) - evaluate_start
    train_end = 0
    if n_unseen:
        reach = to_ns(horizon_s) + to_ns(embargo_s)
        train_end = int(np.searchsorted(ts, ts[evaluate_start] - reach, side="left"))
    if min(train_end, n_unseen) < LEAST_ROWS:
        raise NotTrainable(
            f"at {horizon_s:g} s, {len(ts)} rows leave {train_end} to fit and {n_unseen} unseen after purging "
            f"{horizon_s + embargo_s:g} s, need {LEAST_ROWS} each: add days or change model.evaluate_share"
        )
    return Split(train_end, evaluate_start)
