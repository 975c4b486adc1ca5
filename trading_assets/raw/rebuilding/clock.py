"""The difference between the two clocks: how far the receive time of a message lies from its event time.

Belongs here: signed skew (`ts_recv - ts_event`), its spread, and episodes in which it leaves its usual level.
Does not: changing a time. Raw times stay as received, however wrong a clock was.

A constant offset of a clock is not an episode, and neither is one slow message. Messages are taken in blocks as they
arrive; what is usual for a block is the median of the medians of the blocks before it, so that an episode is judged
by its past only and a clock that was set anew becomes usual after a while. An episode is a run of messages that all lie
at least a second away; it is known when the run has lasted long enough. The first block judges nobody.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import NO_TIME, Int64s, Messages
from trading_assets.raw.rebuilding.units import Floats

DEPARTURE_NS: Final = 1_000_000_000
RUN: Final = 10
_BLOCK: Final = 256
_BLOCKS: Final = 9


@dataclass(frozen=True, slots=True)
class Clocks:
    """`n` updates and trades that carry both times, as they arrived."""

    ts_recv: Int64s  # [n] ns, never falling
    skew_ns: Int64s  # [n] receive minus event time; negative where the receiver's clock is behind the venue's

    def spread(self) -> dict[str, int]:
        """Return the count and the least, 1 %, median, 99 % and greatest skew in ns; of no messages only the count."""
        if not len(self.skew_ns):
            return {"n_skew": 0}
        names = ("skew_min_ns", "skew_p01_ns", "skew_median_ns", "skew_p99_ns", "skew_max_ns")
        values = np.quantile(self.skew_ns, (0.0, 0.01, 0.5, 0.99, 1.0), method="nearest")
        return {"n_skew": len(self.skew_ns), **{n: int(v) for n, v in zip(names, values, strict=True)}}


def clocks(messages: Messages) -> Clocks:
    """Collect both times of depth updates and trades. A snapshot's are a request's, and are left out."""
    is_update = ~messages.book.is_snapshot
    recv = np.concatenate([messages.book.ts_recv[is_update], messages.trades.ts_recv])
    event = np.concatenate([messages.book.ts_event[is_update], messages.trades.ts_event])
    recv, event = recv[event != NO_TIME], event[event != NO_TIME]
    order = np.lexsort((event, recv))
    return Clocks(recv[order], recv[order] - event[order])


def skew_episodes(times: Clocks) -> pl.DataFrame:
    """Return the ledger rows (`schema.FEED_GAPS`) of clock-skew episodes; they have no sequence numbers."""
    is_off = np.abs(times.skew_ns - _usual(times.skew_ns)) >= DEPARTURE_NS
    edges = np.flatnonzero(np.diff(is_off, prepend=False, append=False))
    begin, end = edges[::2], edges[1::2]
    is_long = end - begin >= RUN
    begin, end = begin[is_long], end[is_long]
    ends = pl.Series(np.append(times.ts_recv, 0)[end])
    columns = {
        schema.TS_START: times.ts_recv[begin],
        schema.TS_KNOWN: times.ts_recv[begin + RUN - 1],
        schema.TS_END: ends.set(pl.Series(end == len(times.ts_recv)), None),
        schema.SEQ_BEFORE: pl.Series([None] * len(begin), dtype=pl.Int64),
        schema.SEQ_AFTER: pl.Series([None] * len(begin), dtype=pl.Int64),
    }
    return (
        pl.DataFrame(columns).with_columns(pl.lit("clock_skew").alias(schema.CAUSE)).cast(pl.Schema(schema.FEED_GAPS))
    )


def _usual(skew_ns: Int64s) -> Floats:
    """Return for each message the skew that was usual before its block; its own in the first block."""
    n_blocks = len(skew_ns) // _BLOCK
    medians = pl.Series(np.median(skew_ns[: n_blocks * _BLOCK].reshape(n_blocks, _BLOCK), axis=1))
    usual = skew_ns.astype(np.float64)
    before = medians.rolling_median(_BLOCKS, min_samples=1).to_numpy()
    usual[_BLOCK:] = np.repeat(before, _BLOCK)[: len(skew_ns) - _BLOCK] if n_blocks else usual[_BLOCK:]
    return usual
