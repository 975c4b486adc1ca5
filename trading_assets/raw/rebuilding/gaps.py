"""The gap ledger: each time the book was missing, behind or crossed, from when to when, and when that could be known.

Belongs here: `feed_gaps` rows about the book, and putting all causes together.
Does not: finding out what is missing (sequence), trade ids (trades), clocks (clock).

- `ts_start` is the time of the last good message before; for a book without a past (`no_snapshot`) of the first
  message, for `crossed` and `checksum` of the message that showed it, since the book was good until then.
- `ts_known` is the time of the message that revealed the gap. Whoever looks at time `g` sees the rows with
  `ts_known <= g`, and of these a `ts_end` after `g` as open: that view is the same whatever came later.
- `ts_end` is the time from which the book is valid again, null while it is not.
- `seq_before` is the last good update id, `seq_after` the first one after the gap; null where there are no ids.

| cause | the book |
|---|---|
| no_snapshot | has seen no snapshot yet |
| sequence_gap | lacks an update: until it comes late, or a snapshot leads past it |
| resync | lacked an update, or the venue began it anew: a snapshot leads past what may have been lost |
| crossed | is in sequence, yet its best bid is not below its best ask, or a side is empty |
| checksum | differs from the checksum that the venue sent: it is not the venue's until it begins anew |
| trade_gap | is valid; trades were missing (sequence numbers are trade ids) |
| clock_skew | is valid; the clocks were unusually far apart (no sequence numbers) |
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import Int64s
from trading_assets.raw.rebuilding import steps
from trading_assets.raw.rebuilding.book import IN_STEP, MISMATCH, UNSOUND

_CAUSE_OF: Final = {UNSOUND: "crossed", MISMATCH: "checksum"}
_NO_BREAK: Final = steps.Breaks(*(np.zeros(0, np.int64) for _ in steps.Breaks._fields))
_ORDER: Final = (schema.TS_KNOWN, schema.TS_START, schema.CAUSE, schema.SEQ_AFTER)


def break_gaps(breaks: Sequence[steps.Breaks], *, is_numbered: bool) -> pl.DataFrame:
    """Return the ledger rows of a book that was behind; of a stream without ids there are no sequence numbers."""
    cause, start, known, end, before, after = (np.concatenate(parts) for parts in zip(_NO_BREAK, *breaks, strict=True))
    columns = {
        schema.TS_START: start,
        schema.TS_KNOWN: known,
        schema.TS_END: _known(end),
        schema.SEQ_BEFORE: _known(before) if is_numbered else pl.Series([None] * len(before), dtype=pl.Int64),
        schema.SEQ_AFTER: after if is_numbered else pl.Series([None] * len(after), dtype=pl.Int64),
        schema.CAUSE: pl.Series([steps.CAUSES[n] for n in cause.tolist()], dtype=pl.String),
    }
    return pl.DataFrame(columns).cast(pl.Schema(schema.FEED_GAPS))


class StateChanges:
    """The rows with which the state of the book changed."""

    def __init__(self) -> None:
        self._changes: list[pl.DataFrame] = []
        self._last: pl.DataFrame | None = None

    def push(self, rows: pl.DataFrame) -> None:
        """Take more rows of the book, in order: ts_recv, seq_first, seq_last, and `state` (as in `book`)."""
        if not len(rows):
            return
        known = rows.select(schema.TS_RECV, schema.SEQ_FIRST, schema.SEQ_LAST, "state")
        both = known if self._last is None else pl.concat([self._last, known])
        state, before = pl.col("state"), pl.col("state").shift(1)
        changes = both.with_columns(
            pl.when(before.is_in([IN_STEP, UNSOUND])).then(pl.col(schema.SEQ_LAST).shift(1)).alias(schema.SEQ_BEFORE),
            (state != before).fill_null(value=self._last is None).alias("is_change"),
        )
        self._changes.append(changes.filter("is_change").drop("is_change"))
        self._last = known.tail(1)

    def gaps(self) -> pl.DataFrame:
        """Return the ledger rows of intervals in which the book was in sequence, and not sound or not the venue's."""
        if not self._changes:
            return pl.DataFrame(schema=schema.FEED_GAPS)
        return (
            pl.concat(self._changes)
            .with_columns(pl.col(schema.TS_RECV).shift(-1).alias(schema.TS_END))
            .filter(pl.col("state").is_in(list(_CAUSE_OF)))
            .select(
                pl.col(schema.TS_RECV).alias(schema.TS_START),
                pl.col(schema.TS_RECV).alias(schema.TS_KNOWN),
                schema.TS_END,
                schema.SEQ_BEFORE,
                pl.col(schema.SEQ_FIRST).alias(schema.SEQ_AFTER),
                pl.col("state").replace_strict(_CAUSE_OF, return_dtype=pl.String).alias(schema.CAUSE),
            )
            .cast(pl.Schema(schema.FEED_GAPS))
        )


def ledger(parts: Sequence[pl.DataFrame], *, since_ns: int) -> pl.DataFrame:
    """Put the parts together in the order in which they became known; leave out what had ended by `since_ns`."""
    end = pl.col(schema.TS_END)
    is_of_today = end.is_null() | (end >= pl.lit(since_ns).cast(schema.TIME))
    return pl.concat(parts).filter(is_of_today).sort(_ORDER, nulls_last=True)


def _known(values: Int64s) -> pl.Series:
    return pl.Series(np.where(values == steps.NOWHERE, 0, values)).set(pl.Series(values == steps.NOWHERE), None)
