"""The gap ledger: each time the book was missing, behind or crossed, from when to when, and when that could be known.

Belongs here: `feed_gaps` rows about the book, and putting all causes together.
Does not: finding out what is missing (sequence), trade ids (trades), clocks (clock).

- `ts_start` is the time of the last good message before; for a book without a past (`no_snapshot`) of the first
  message, for `crossed` of the message that crossed it, since the book was good until then.
- `ts_known` is the time of the message that revealed the gap. Whoever looks at time `g` sees the rows with
  `ts_known <= g`, and of these a `ts_end` after `g` as open: that view is the same whatever came later.
- `ts_end` is the time from which the book is valid again, null while it is not.
- `seq_before` is the last good update id, `seq_after` the first one after the gap.

| cause | the book |
|---|---|
| no_snapshot | has seen no snapshot yet |
| sequence_gap | lacks an update: until it comes late, or a snapshot leads past it |
| resync | lacked an update, but a snapshot that leads past it was at hand when that was revealed |
| crossed | is in sequence, yet its best bid is not below its best ask, or a side is empty |
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
from trading_assets.raw.rebuilding.book import BEHIND, UNSOUND

_ORDER: Final = (schema.TS_KNOWN, schema.TS_START, schema.CAUSE, schema.SEQ_AFTER)


def break_gaps(breaks: steps.Breaks) -> pl.DataFrame:
    """Return the ledger rows of a book that was behind."""
    causes = pl.Series([steps.CAUSES[cause] for cause in breaks.cause.tolist()], dtype=pl.String)
    columns = {
        schema.TS_START: breaks.start,
        schema.TS_KNOWN: breaks.known,
        schema.TS_END: _known(breaks.end),
        schema.SEQ_BEFORE: _known(breaks.before),
        schema.SEQ_AFTER: breaks.after,
        schema.CAUSE: causes,
    }
    return pl.DataFrame(columns).cast(pl.Schema(schema.FEED_GAPS))


def crossed_gaps(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger rows of intervals in which the book was in sequence and not sound.

    Args:
        rows: one row a book row, in order: ts_recv, seq_first, seq_last, and `state` (IN_STEP, UNSOUND or BEHIND).
    """
    state, is_unsound = pl.col("state"), pl.col("state") == UNSOUND
    begins = is_unsound & (state.shift(1) != UNSOUND).fill_null(value=True)
    good_id = pl.when(state.shift(1) != BEHIND).then(pl.col(schema.SEQ_LAST).shift(1))
    heads = (state != state.shift(1)).fill_null(value=True) & (begins | ~is_unsound)
    return (
        rows.lazy()
        .with_columns(good_id.alias(schema.SEQ_BEFORE), heads.alias("is_head"))
        .filter("is_head")
        .with_columns(pl.col(schema.TS_RECV).shift(-1).alias(schema.TS_END))
        .filter(is_unsound)
        .select(
            pl.col(schema.TS_RECV).alias(schema.TS_START),
            pl.col(schema.TS_RECV).alias(schema.TS_KNOWN),
            schema.TS_END,
            schema.SEQ_BEFORE,
            pl.col(schema.SEQ_FIRST).alias(schema.SEQ_AFTER),
            pl.lit("crossed").alias(schema.CAUSE),
        )
        .cast(pl.Schema(schema.FEED_GAPS))
        .collect()
    )


def ledger(parts: Sequence[pl.DataFrame], *, since_ns: int) -> pl.DataFrame:
    """Put the parts together in the order in which they became known; leave out what had ended by `since_ns`."""
    end = pl.col(schema.TS_END)
    is_of_today = end.is_null() | (end >= pl.lit(since_ns).cast(schema.TIME))
    return pl.concat(parts).filter(is_of_today).sort(_ORDER, nulls_last=True)


def _known(values: Int64s) -> pl.Series:
    return pl.Series(np.where(values == steps.NOWHERE, 0, values)).set(pl.Series(values == steps.NOWHERE), None)
