"""How two tables differ: their columns, what the values of each column are like, and the first rows that are not alike.

Belongs here: comparing two frames of which one may be wrong in any way.
Does not: where they come from (files), how it is shown (cli).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from polars import selectors

from trading_assets.schema import LINE_NO, SEQ_LAST, TRADE_ID, TS_GRID, TS_RECV, TS_START

KEYS: Final = (TRADE_ID, SEQ_LAST, TS_GRID, TS_RECV, TS_START, LINE_NO)
"""By what rows are told apart, the best first: an id stays the same where a clock was read wrongly."""
_ARGUMENT: Final = re.compile(r"\w+=")
"""What a type's text does not need: `Datetime('ns', 'UTC')`."""
_NTH: Final = "__nth"
_HERE: Final = "__refused"
_THERE: Final = "__stands"


@dataclass(frozen=True, slots=True)
class Summary:
    """What the values of a column are like; the extremes as text, None where it has none that can be ordered."""

    dtype: str
    null_share: float
    nan_share: float
    minimum: str | None
    maximum: str | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One row that is in one table only, or whose values differ."""

    key: str
    kind: str
    """`only refused`, `only standing` or `changed`."""
    values: tuple[tuple[str, str, str], ...]
    """Column, refused value and standing value, of a changed row."""


@dataclass(frozen=True, slots=True)
class RowDifferences:
    """How many rows are not alike, and the first of them."""

    key: str
    n_only_refused: int
    n_only_standing: int
    n_changed: int
    first: tuple[RowDifference, ...]


def summaries(table: pl.LazyFrame) -> dict[str, Summary]:
    """Summarize every column in one pass."""
    schema = table.collect_schema()
    found = table.select(
        pl.len().alias("n"),
        *(expression for name, dtype in schema.items() for expression in _measures(name, dtype)),
    ).collect()
    row = found.row(0, named=True)
    return {name: _summary(name, dtype, row) for name, dtype in schema.items()}


def row_differences(refused: pl.LazyFrame, standing: pl.LazyFrame, *, limit: int) -> RowDifferences:
    """Find the rows that are not alike, paired by the table's id or clock, else by their number.

    Rows of equal key are paired in their order. Columns of other names or types are left out: they differ as a whole.
    """
    here, there = refused.collect_schema(), standing.collect_schema()
    shared = [name for name, dtype in here.items() if there.get(name) == dtype]
    key = next((name for name in KEYS if name in shared), None)
    on = [key, _NTH] if key else [_NTH]
    values = [name for name in shared if name != key]
    pairs = _numbered(refused.select(shared), key, _HERE).join(
        _numbered(standing.select(shared), key, _THERE),
        on=on,
        how="full",
        coalesce=True,
        nulls_equal=True,
        suffix=_THERE,
        maintain_order="left_right",
    )
    is_changed = pl.any_horizontal(
        pl.lit(value=False), *(pl.col(name).ne_missing(pl.col(name + _THERE)) for name in values)
    )
    kind = (
        pl.when(pl.col(_THERE).is_null())
        .then(pl.lit("only refused"))
        .when(pl.col(_HERE).is_null())
        .then(pl.lit("only standing"))
        .when(is_changed)
        .then(pl.lit("changed"))
    )
    unlike = pairs.with_columns(kind.alias("__kind")).filter(pl.col("__kind").is_not_null()).collect()
    counts = dict(unlike.group_by("__kind").len().iter_rows())
    return RowDifferences(
        key or "row number",
        counts.get("only refused", 0),
        counts.get("only standing", 0),
        counts.get("changed", 0),
        tuple(_rows(unlike.head(limit), key or _NTH, values)),
    )


def _numbered(table: pl.LazyFrame, key: str | None, mark: str) -> pl.LazyFrame:
    nth = pl.int_range(pl.len())
    return table.with_columns((nth.over(key) if key else nth).alias(_NTH), pl.lit(value=True).alias(mark))


def _rows(unlike: pl.DataFrame, key: str, values: Sequence[str]) -> Iterator[RowDifference]:
    text = unlike.with_columns(selectors.temporal().cast(pl.String))  # Python's times would drop the nanoseconds
    changed = unlike.select(pl.col(name).ne_missing(pl.col(name + _THERE)) for name in values)
    for n, row in enumerate(text.iter_rows(named=True)):
        names = [name for name in values if row["__kind"] == "changed" and changed[n, name]]
        cells = tuple((name, as_text(row[name]), as_text(row[name + _THERE])) for name in names)
        yield RowDifference(as_text(row[key]), row["__kind"], cells)


def _measures(name: str, dtype: pl.DataType) -> Iterator[pl.Expr]:
    column = pl.col(name)
    yield column.null_count().alias(f"{name}.null")
    if dtype.is_float():
        yield column.is_nan().sum().alias(f"{name}.nan")
        column = column.fill_nan(None)
    if dtype.is_numeric() or dtype.is_temporal() or dtype == pl.String:
        yield _exact(column.min(), dtype).alias(f"{name}.min")
        yield _exact(column.max(), dtype).alias(f"{name}.max")
    if dtype.is_numeric() or dtype == pl.Boolean:
        yield column.mean().alias(f"{name}.mean")


def _exact(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return value.cast(pl.String) if dtype.is_temporal() else value


def _summary(name: str, dtype: pl.DataType, row: dict[str, Any]) -> Summary:
    n = max(row["n"], 1)
    lowest, highest = row.get(f"{name}.min"), row.get(f"{name}.max")
    return Summary(
        _ARGUMENT.sub("", str(dtype)),
        row[f"{name}.null"] / n,
        (row.get(f"{name}.nan") or 0) / n,
        None if lowest is None else as_text(lowest),
        None if highest is None else as_text(highest),
        row.get(f"{name}.mean"),
    )


def as_text(value: Any) -> str:  # noqa: ANN401 - a cell of any type
    """Write one value as people read it."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return "null" if value is None else str(value)
