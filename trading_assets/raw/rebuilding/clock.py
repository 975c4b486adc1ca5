"""The difference between the two clocks: how far the receive time of a message lies from its event time.

Belongs here: signed skew (`ts_recv - ts_event`), its spread, and episodes in which it leaves its usual level.
Does not: changing a time. Raw times stay as received, however wrong a clock was.

A constant offset of a clock is not an episode, and neither is one slow message. Messages are taken in blocks as they
arrive; what is usual for a block is the median of the medians of the blocks before it, so that an episode is judged
by its past only and a clock that was set anew becomes usual after a while. An episode is a run of messages that all lie
at least a second away; it is known when the run has lasted long enough. The first block judges nobody.
"""

from collections import deque
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import NO_TIME, Bools, Floats, Int64s, Messages
from trading_assets.raw.rebuilding.stream import WINDOW

DEPARTURE_NS: Final = 1_000_000_000
RUN: Final = 10
_BLOCK: Final = 256
_BLOCKS: Final = 9
_SAMPLE: Final = 2**18
"""Up to so many messages the spread is exact; of more, of evenly chosen ones."""
_QUANTILES: Final = {"skew_min": 0.0, "skew_p01": 0.01, "skew_median": 0.5, "skew_p99": 0.99, "skew_max": 1.0}


class Clocks:
    """The clocks of depth updates and trades, as they arrive. A snapshot's are a request's, and are left out."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._recv = self._event = np.zeros(0, np.int64)
        self._pushed: list[tuple[Int64s, Int64s]] = []
        self._n_pushed = 0
        self._usual = _Usual()
        self._runs = _Runs()
        self._spread = _Sample()

    def push(self, messages: Messages) -> None:
        """Take the messages of a stretch of the capture."""
        book, trades = messages.book, messages.trades
        is_timed = ~book.is_snapshot & (book.ts_event != NO_TIME)
        self._pushed.append((book.ts_recv[is_timed], book.ts_event[is_timed]))
        is_timed = trades.ts_event != NO_TIME
        self._pushed.append((trades.ts_recv[is_timed], trades.ts_event[is_timed]))
        self._n_pushed += sum(len(recv) for recv, _ in self._pushed[-2:])
        if len(self._recv) + self._n_pushed >= 2 * self._window:
            self._gather()
            self._settle(len(self._recv) - self._window)

    def episodes(self) -> pl.DataFrame:
        """Return the ledger rows (`schema.FEED_GAPS`) of clock-skew episodes; they have no sequence numbers."""
        self._gather()
        self._settle(len(self._recv))
        return self._runs.episodes()

    def spread(self) -> dict[str, int]:
        """Return the count and the least, 1 %, median, 99 % and greatest skew in ns; of no messages only the count."""
        self._gather()
        self._settle(len(self._recv))
        return self._spread.quantiles()

    def sample(self) -> pl.DataFrame:
        """Return `ts_event` and `ts_recv` of all messages, or of evenly chosen ones where there are many."""
        self._gather()
        self._settle(len(self._recv))
        return self._spread.clocks()

    def _gather(self) -> None:
        """Put what was pushed behind what waits, in file order."""
        recv, event = zip((self._recv, self._event), *self._pushed, strict=True)
        self._recv, self._event = np.concatenate(recv), np.concatenate(event)
        self._pushed, self._n_pushed = [], 0

    def _settle(self, n: int) -> None:
        """Judge the `n` that arrived first."""
        order = np.lexsort((self._event, self._recv))
        first, rest = order[:n], np.sort(order[n:])
        skew = self._recv[first] - self._event[first]
        self._runs.push(self._recv[first], np.abs(skew - self._usual.before(skew)) >= DEPARTURE_NS)
        self._spread.push(self._recv[first], skew)
        self._recv, self._event = self._recv[rest], self._event[rest]


class _Usual:
    """The skew that was usual before each block of messages."""

    def __init__(self) -> None:
        self._block = np.zeros(0, np.int64)  # of the block at hand, what was seen
        self._medians: deque[float] = deque(maxlen=_BLOCKS)

    def before(self, skew: Int64s) -> Floats:
        """Return what was usual before the block of each message; in the first block its own skew: `[n]`."""
        usual = skew.astype(np.float64)
        at = 0
        while at < len(skew):
            end = min(len(skew), at + _BLOCK - len(self._block))
            if self._medians:
                usual[at:end] = np.median(self._medians)
            self._block = np.concatenate([self._block, skew[at:end]])
            if len(self._block) == _BLOCK:
                self._medians.append(float(np.median(self._block)))
                self._block = np.zeros(0, np.int64)
            at = end
        return usual


class _Runs:
    """Runs of messages that are off, long enough to be episodes."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int | None]] = []
        self._run: list[int] = []  # receive times of the first messages of the run at hand, `RUN` at most

    def push(self, recv: Int64s, is_off: Bools) -> None:
        """Take messages as they arrived."""
        edges = np.flatnonzero(np.diff(is_off.astype(np.int8), prepend=np.int8(bool(self._run))))
        bounds = [0, *edges.tolist(), len(recv)]
        for start, end in pairwise(bounds):
            if start == end:
                continue
            if is_off[start]:
                self._run += recv[start : min(end, start + RUN - len(self._run))].tolist()
            elif self._run:
                self._close(int(recv[start]))

    def episodes(self) -> pl.DataFrame:
        self._close(None)
        columns = (schema.TS_START, schema.TS_KNOWN, schema.TS_END)
        return (
            pl.DataFrame(self._rows, schema=dict.fromkeys(columns, pl.Int64), orient="row")
            .with_columns(
                pl.lit(None, pl.Int64).alias(schema.SEQ_BEFORE),
                pl.lit(None, pl.Int64).alias(schema.SEQ_AFTER),
                pl.lit("clock_skew").alias(schema.CAUSE),
            )
            .cast(pl.Schema(schema.FEED_GAPS))
        )

    def _close(self, ts: int | None) -> None:
        if len(self._run) >= RUN:
            self._rows.append((self._run[0], self._run[RUN - 1], ts))
        self._run = []


class _Sample:
    """Every k-th message, k doubled whenever there are too many."""

    def __init__(self) -> None:
        self._n, self._stride = 0, 1
        self._parts = [np.zeros((2, 0), np.int64)]

    def push(self, recv: Int64s, skew: Int64s) -> None:
        first = -self._n % self._stride
        self._parts.append(np.stack([recv, skew])[:, first :: self._stride])
        self._n += len(skew)
        if sum(part.shape[1] for part in self._parts) > _SAMPLE:
            self._parts = [self._pairs()[:, ::2]]
            self._stride *= 2

    def clocks(self) -> pl.DataFrame:
        recv, skew = self._pairs()
        return pl.DataFrame({schema.TS_EVENT: recv - skew, schema.TS_RECV: recv}).cast(schema.TIME)

    def _pairs(self) -> Int64s:
        return np.concatenate(self._parts, axis=1)

    def quantiles(self) -> dict[str, int]:
        if not self._n:
            return {"n_skew": 0}
        values = np.quantile(self._pairs()[1], tuple(_QUANTILES.values()), method="nearest")
        return {"n_skew": self._n, **{f"{n}_ns": int(v) for n, v in zip(_QUANTILES, values, strict=True)}}
