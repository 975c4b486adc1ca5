"""What the gate measures of a raw table, as numbers; it judges none of them.

Belongs here: counts of rows that break a rule, shares, and a few of the offending rows to look at.
Does not: thresholds (settings), suites (checks), repairs of any kind.

Each measure takes the table as read back from the staged file, and walks it a block at a time. NaN is not null, and a
comparison with NaN is not what it looks like (polars: NaN equals itself and exceeds everything), so both are counted
on their own.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.raw.blocks import Memory, blocks, last_row_and_last, remembering
from trading_assets.raw.ticker import ticker_agreement

Measures = dict[str, int | float]

SHOWN_BYTES: Final = 80
"""How much of a dead letter is shown."""
_VALID: Final = pl.col(schema.IS_VALID)
_IDENTITY: Final = (schema.TS_RECV, schema.SEQ_FIRST, schema.SEQ_LAST, schema.IS_VALID)
_BEFORE_BOOK: Final = last_row_and_last(_VALID & pl.col(schema.SEQ_LAST).is_not_null())
_BEFORE_TRADES: Final = last_row_and_last(pl.col(schema.TRADE_ID).is_not_null())


def book_quality(
    frame: pl.LazyFrame, tickers: pl.LazyFrame, *, day: date, depth: int, has_ids: bool = True
) -> Measures:
    """Measure `raw_l2_snapshots`; `n_` counts rows.

    Args:
        frame: the staged table.
        tickers: the venue's own best levels by update id (`RawDay.tickers`).
        day: the partition's.
        depth: levels a side.
        has_ids: whether the source numbers its updates.

    Returns:
        n_rows, valid_share (0.0 without rows), one count for each rule of `book_rules`, and what `ticker_agreement`
        says.
    """
    told = {"n_valid": _VALID, "n_told": _VALID.is_not_null()}
    counts = _counts(frame, {**told, **book_rules(day=day, depth=depth, has_ids=has_ids)}, _BEFORE_BOOK)
    n_valid, n_told = counts.pop("n_valid"), counts.pop("n_told")
    return {**counts, "valid_share": n_valid / n_told if n_told else 0.0, **ticker_agreement(frame, tickers)}


def book_rules(*, day: date, depth: int, has_ids: bool = True) -> dict[str, pl.Expr]:
    """Return for each rule a Boolean expression that is true where a row breaks it, never null.

    Rules look back at the row before, and at the last valid row that has an id. Where the source has no ids, their
    absence breaks none.
    """
    columns = [schema.level(side, field, n) for n in range(depth) for side in schema.SIDES for field in schema.FIELDS]
    bid, ask = (pl.col(schema.level(side, "px", 0)) for side in schema.SIDES)
    last = pl.col(schema.SEQ_LAST)
    last_valid = pl.when(_VALID).then(last).forward_fill().shift(1)
    rules = {
        "n_crossed": _VALID & ((bid >= ask) | bid.is_null() | ask.is_null()),
        "n_unsorted": _VALID & pl.any_horizontal(_out_of_order(depth)),
        "n_holes": pl.any_horizontal(_holes(depth)),
        "n_nonpositive": pl.any_horizontal(pl.col(columns) <= 0),
        "n_nan": pl.any_horizontal(pl.col(columns).is_nan()),
        "n_inf": pl.any_horizontal(pl.col(columns).is_infinite()),
        "n_null_ids": _VALID.is_null() | (pl.lit(has_ids) & (last.is_null() | pl.col(schema.SEQ_FIRST).is_null())),
        "n_null_time": pl.col(schema.TS_RECV).is_null(),
        "n_time_backward": pl.col(schema.TS_RECV) < pl.col(schema.TS_RECV).shift(1),
        "n_seq_broken": (_VALID & (last < last_valid)) | (last < pl.col(schema.SEQ_FIRST)),
        "n_repeated": _VALID & pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _IDENTITY),
        "n_outside_day": _outside(day),
    }
    return {name: rule.fill_null(value=False) for name, rule in rules.items()}


def book_offenders(frame: pl.LazyFrame, *, day: date, depth: int, has_ids: bool = True, limit: int = 5) -> pl.DataFrame:
    """Return the first rows that break a rule, with its name in `broken`; where none does, the first invalid ones."""
    rows = _offenders(frame, book_rules(day=day, depth=depth, has_ids=has_ids), _BEFORE_BOOK, limit)
    return rows if len(rows) else _offenders(frame, {"invalid": ~_VALID}, _BEFORE_BOOK, limit)


def trades_quality(frame: pl.LazyFrame, *, day: date) -> Measures:
    """Measure `raw_trades`: n_rows, one count for each rule of `trades_rules`, and what the source may not know.

    The last are n_without_id and n_without_side: rows without id or aggressor.
    """
    unknown = frame.select(
        pl.col(schema.TRADE_ID).null_count().alias("n_without_id"),
        pl.col(schema.AGGRESSOR_SIDE).null_count().alias("n_without_side"),
    )
    return {**_counts(frame, trades_rules(day=day), _BEFORE_TRADES), **_row(unknown)}


def trades_rules(*, day: date) -> dict[str, pl.Expr]:
    """Return for each rule a Boolean expression that is true where a row breaks it, never null.

    An id is compared with that of the row before, not counting rows without: of ids that never fall, equal ones are
    neighbours. Of ids that do fall, some duplicates may be missed, and `n_unsorted` is not 0.
    """
    values, trade_id = pl.col(schema.PX, schema.SZ), pl.col(schema.TRADE_ID)
    id_before = trade_id.forward_fill().shift(1)
    needed = pl.col(schema.TS_RECV, schema.PX, schema.SZ)
    rules = {
        "n_unsorted": trade_id < id_before,
        "n_duplicate_ids": trade_id == id_before,
        "n_nonpositive": pl.any_horizontal(values <= 0),
        "n_nan": pl.any_horizontal(values.is_nan()),
        "n_inf": pl.any_horizontal(values.is_infinite()),
        "n_null": pl.any_horizontal(needed.is_null()),
        "n_outside_day": _outside(day),
    }
    return {name: rule.fill_null(value=False) for name, rule in rules.items()}


def trades_offenders(frame: pl.LazyFrame, *, day: date, limit: int = 5) -> pl.DataFrame:
    """Return the first rows that break a rule, with the names of those rules in `broken`."""
    return _offenders(frame, trades_rules(day=day), _BEFORE_TRADES, limit)


def gaps_quality(frame: pl.LazyFrame) -> Measures:
    """Measure `feed_gaps`: n_rows, n_malformed (lacks start, known or cause; ends before its start), n_unsorted."""
    start, known, end = pl.col(schema.TS_START), pl.col(schema.TS_KNOWN), pl.col(schema.TS_END)
    is_missing = pl.any_horizontal(pl.col(schema.TS_START, schema.TS_KNOWN, schema.CAUSE).is_null())
    is_malformed = is_missing | (known < start).fill_null(value=False) | (end < start).fill_null(value=False)
    counts = frame.select(
        pl.len().alias("n_rows"),
        is_malformed.sum().alias("n_malformed"),
        (known < known.shift(1)).fill_null(value=False).sum().alias("n_unsorted"),
    )
    return _row(counts)


def gaps_offenders(frame: pl.LazyFrame, *, limit: int = 5) -> pl.DataFrame:
    """Return the longest gaps; one without an end counts as the longest."""
    span = pl.col(schema.TS_END) - pl.col(schema.TS_KNOWN)
    return frame.sort(span, descending=True, nulls_last=False, maintain_order=True).head(limit).collect()


def dead_letters_offenders(frame: pl.LazyFrame, *, limit: int = 5) -> pl.DataFrame:
    """Return the first dead letters, the beginning of each as text."""
    rows = frame.head(limit).collect()
    begins = [raw[:SHOWN_BYTES].decode("utf-8", "replace") for raw in rows[schema.RAW]]
    return rows.with_columns(pl.Series(schema.RAW, begins, dtype=pl.String))


def _out_of_order(depth: int) -> Iterable[pl.Expr]:
    for upper, lower in pairwise(range(depth)):
        yield pl.col(schema.level("bid", "px", upper)) <= pl.col(schema.level("bid", "px", lower))
        yield pl.col(schema.level("ask", "px", upper)) >= pl.col(schema.level("ask", "px", lower))


def _holes(depth: int) -> Iterable[pl.Expr]:
    """Price without size, size without price, or a level below one that is missing."""
    for side in schema.SIDES:
        has_px = [pl.col(schema.level(side, "px", n)).is_not_null() for n in range(depth)]
        has_sz = [pl.col(schema.level(side, "sz", n)).is_not_null() for n in range(depth)]
        yield from (px != sz for px, sz in zip(has_px, has_sz, strict=True))
        yield from (lower & ~upper for upper, lower in pairwise(has_px))


def _outside(day: date) -> pl.Expr:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    first, after = (pl.lit(time).cast(schema.TIME) for time in (midnight, midnight + timedelta(days=1)))
    return ~pl.col(schema.TS_RECV).is_between(first, after, closed="left")


def _counts(frame: pl.LazyFrame, rules: dict[str, pl.Expr], memory: Memory) -> Counter[str]:
    """Count the rows, and those for which each of some expressions is true."""
    counts = Counter({"n_rows": 0, **dict.fromkeys(rules, 0)})
    for known, n_before in remembering(blocks(frame), memory):
        found = known.select(rule.alias(name) for name, rule in rules.items()).slice(n_before)
        counts["n_rows"] += found.height
        counts.update(found.select(pl.all().sum()).row(0, named=True))
    return counts


def _offenders(frame: pl.LazyFrame, rules: dict[str, pl.Expr], memory: Memory, limit: int) -> pl.DataFrame:
    """Return the first rows for which an expression is true, with the names of those that are in `broken`."""
    named = [pl.when(rule).then(pl.lit(name)) for name, rule in rules.items()]
    broken = pl.concat_list(named).list.drop_nulls().alias("broken")
    shown = frame.head(0).collect().with_columns(broken)
    for known, n_before in remembering(blocks(frame), memory):
        found = known.with_columns(broken).slice(n_before)
        shown.extend(found.filter(pl.col("broken").list.len() > 0).head(limit - shown.height))
        if shown.height == limit:
            break
    return shown


def _row(counts: pl.LazyFrame) -> Measures:
    return dict(counts.collect().row(0, named=True))
