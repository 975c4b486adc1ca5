"""Rows of the published book: time, ids and state of each, and its levels as columns.

Belongs here: from arrays to a frame. Does not: which rows there are (book).
"""

import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import NO_SEQ, NO_TIME
from trading_assets.raw.rebuilding.book import IN_STEP, Rows
from trading_assets.raw.rebuilding.steps import Window


def row_heads(window: Window, rows: Rows) -> pl.DataFrame:
    """Return time, ids and state of each row."""
    message = window.steps.message[rows.step]
    columns = {
        schema.TS_EVENT: pl.Series(window.messages.ts_event[message], dtype=pl.Int64),
        schema.TS_RECV: pl.Series(window.steps.ts[rows.step], dtype=pl.Int64),
        schema.SEQ_FIRST: pl.Series(window.messages.first[message], dtype=pl.Int64),
        schema.SEQ_LAST: pl.Series(window.messages.last[message], dtype=pl.Int64),
        schema.IS_VALID: rows.state == IN_STEP,
        "state": rows.state,
    }
    ts_event, first, last = (pl.col(name) for name in (schema.TS_EVENT, schema.SEQ_FIRST, schema.SEQ_LAST))
    frame = pl.DataFrame(columns).with_columns(
        pl.when(ts_event != NO_TIME).then(ts_event),
        pl.when(first != NO_SEQ).then(first),
        pl.when(last != NO_SEQ).then(last),
    )
    return frame.cast({schema.TS_EVENT: schema.TIME, schema.TS_RECV: schema.TIME})


def with_levels(heads: pl.DataFrame, rows: Rows, *, depth: int) -> pl.DataFrame:
    """Return `schema.l2_snapshots(depth)` of the rows that these are the heads of."""
    names = [schema.level(side, field, n) for n in range(depth) for side in schema.SIDES for field in schema.FIELDS]
    levels = [pl.Series(name, column, nan_to_null=True) for name, column in zip(names, rows.levels, strict=True)]
    return heads.drop("state").hstack(levels)
