"""Columns of numbers to interchange lines, for all rows of a block at once.

Belongs here: exact decimal texts, and the text of lines. Does not: what a row means (one module a format).

`trading_assets.venues.interchange` says how the lines look and reads them; a test holds these texts to it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from trading_assets.raw.messages import Bools, Int64s

RECV: Final = "recv"
EVENT: Final = "event"
MESSAGE: Final = "message"
IS_SNAPSHOT: Final = "is_snapshot"
IS_ASK: Final = "is_ask"
PX: Final = "px"
SZ: Final = "sz"
LINE: Final = "line"

_NOTHING: Final = pl.lit("")


def float_texts(values: pl.Series) -> pl.Series:
    """Write floats as the shortest decimal that reads back as the same float; NaN stays `NaN`."""
    texts = values.cast(pl.String)
    odd = texts.filter(texts.str.contains("e", literal=True)).unique()
    texts = texts.replace({text: format(Decimal(text), "f") for text in odd}) if len(odd) else texts
    return texts.str.strip_suffix(".0")


def scaled_texts(values: pl.Series, decimals: int) -> pl.Series:
    """Write integers as `value * 10 ** -decimals`, exactly, without trailing zeros; null stays null."""
    known = values.unique().drop_nulls()
    sign, size = pl.when(known < 0).then(pl.lit("-")).otherwise(_NOTHING), known.abs()
    whole, fraction = (size // 10**decimals).cast(pl.String), (size % 10**decimals).cast(pl.String)
    texts = pl.select(pl.concat_str(sign, whole, pl.lit("."), fraction.str.zfill(decimals))).to_series()
    texts = texts.str.strip_chars_end("0").str.strip_chars_end(".")
    return values.replace_strict(known, texts, return_dtype=pl.String, default=None)


def level(px: pl.Expr, sz: pl.Expr) -> pl.Expr:
    """Write `["price","size"]`, null where either is."""
    return pl.concat_str(pl.lit('["'), px, pl.lit('","'), sz, pl.lit('"]'))


def level_columns(px: Int64s, sz: Int64s, is_there: Bools, *, decimals: int, prefix: str) -> Iterator[pl.Series]:
    """Write levels of whole books, all at once.

    Args:
        px: prices as integers, `[n, depth]`.
        sz: whole sizes, `[n, depth]`.
        is_there: whether the book has the level, `[n, depth]`.
        decimals: of the prices.
        prefix: of the columns' names.

    Yields:
        A column a level, `prefix` and its number from 0: `["price","size"]`, null where there is none.
    """
    n, depth = px.shape
    flat = pl.DataFrame(
        {
            PX: scaled_texts(pl.Series(px.ravel("F")), decimals),
            SZ: pl.Series(sz.ravel("F")).cast(pl.String),
            "is_there": is_there.ravel("F"),
        }
    )
    texts = flat.select(pl.when("is_there").then(level(pl.col(PX), pl.col(SZ)))).to_series()
    for number in range(depth):
        yield texts.slice(number * n, n).alias(f"{prefix}{number}")


def book_lines(bids: Sequence[pl.Expr], asks: Sequence[pl.Expr]) -> pl.Expr:
    """Write each row's whole book from its levels, null where it has none; the frame has `RECV` and `EVENT`."""
    return pl.concat_str(
        pl.col(RECV).cast(pl.String),
        pl.lit(' {"interchange":"snapshot","ts_event":'),
        pl.col(EVENT).cast(pl.String).fill_null("null"),
        pl.lit(',"bids":['),
        pl.concat_str(*bids, separator=",", ignore_nulls=True),
        pl.lit('],"asks":['),
        pl.concat_str(*asks, separator=",", ignore_nulls=True),
        pl.lit("]}\n"),
    )


def trade_line(trade_id: pl.Expr, side: pl.Expr) -> pl.Expr:
    """Write each row's trade: an id or null, and `buy`, `sell` or null; the frame has `RECV`, `EVENT`, `PX`, `SZ`.

    What has no event time, price or size is no trade: its line says null, and becomes a dead letter.
    """
    return pl.concat_str(
        pl.col(RECV).cast(pl.String),
        pl.lit(' {"interchange":"trade","ts_event":'),
        pl.col(EVENT).cast(pl.String).fill_null("null"),
        pl.lit(',"id":'),
        trade_id.cast(pl.String).fill_null("null"),
        pl.lit(',"px":'),
        _quoted(pl.col(PX)),
        pl.lit(',"sz":'),
        _quoted(pl.col(SZ)),
        pl.lit(',"side":'),
        _quoted(side),
        pl.lit("}\n"),
    )


def line_as_it_stood(text: pl.Expr) -> pl.Expr:
    """Write a row that contradicts itself as it stood; the frame has `RECV`. It is no message: a dead letter."""
    return pl.concat_str(pl.col(RECV).cast(pl.String), pl.lit(" "), text, pl.lit("\n"))


def _quoted(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit('"'), text, pl.lit('"')).fill_null("null")


def depth_pieces(rows: pl.DataFrame) -> pl.DataFrame:
    """Write messages of one row a level: what follows one another within a `MESSAGE` is its line.

    Args:
        rows: `MESSAGE`, rising; `RECV`, `EVENT` and `IS_SNAPSHOT`, equal within a message; `IS_ASK`, `PX`, `SZ`. A
            message of a single row may have null as `PX`: it has no level.

    Returns:
        `MESSAGE` and `LINE`, a piece of a line, one row a row.
    """
    rows = rows.sort(MESSAGE, IS_ASK, maintain_order=True)
    is_first = (rows[MESSAGE] != rows[MESSAGE].shift(1)).fill_null(value=True).alias("is_first")
    is_last = (rows[MESSAGE] != rows[MESSAGE].shift(-1)).fill_null(value=True).alias("is_last")
    turns = (rows[IS_ASK] & (is_first | ~rows[IS_ASK].shift(1, fill_value=False))).alias("turns")
    heads = rows.filter(is_first).select(_head()).to_series().gather(is_first.cum_sum() - 1).alias("head")
    piece = pl.concat_str(
        pl.when("is_first").then("head").otherwise(_NOTHING),
        pl.when("turns").then(pl.lit('],"asks":[')).when("is_first").then(_NOTHING).otherwise(pl.lit(",")),
        level(pl.col(PX), pl.col(SZ)).fill_null(""),
        pl.when(~pl.col("is_last"))
        .then(_NOTHING)
        .when(IS_ASK)
        .then(pl.lit("]}\n"))
        .otherwise(pl.lit('],"asks":[]}\n')),
    )
    return rows.with_columns(is_first, is_last, turns, heads).select(MESSAGE, piece.alias(LINE))


def joined(lines: pl.Series) -> bytes:
    """Put lines, or pieces of them, together; null adds nothing."""
    return str(lines.str.join("").item() or "").encode() if len(lines) else b""


def _head() -> pl.Expr:
    return pl.concat_str(
        pl.col(RECV).cast(pl.String),
        pl.lit(' {"interchange":"'),
        pl.when(IS_SNAPSHOT).then(pl.lit("snapshot")).otherwise(pl.lit("update")),
        pl.lit('","ts_event":'),
        pl.col(EVENT).cast(pl.String).fill_null("null"),
        pl.lit(',"bids":['),
    )
