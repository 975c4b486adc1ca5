"""Values of the catalogue as text that every database reads back exactly: one JSON object a row.

Moments are ISO 8601 in UTC, days ISO 8601, whole numbers and floats JSON's own numbers, to the last bit. What JSON has
no number for is written as the text `NaN`, `Infinity` or `-Infinity`; -0.0, which SQLite does not keep, as 0.0. A value
of a JSON column is the text of it, letter for letter, so that a null within JSON is not taken for a value that is not
there: that alone is null here.

Belongs here: one row at a time. Does not: which rows there are (content), or the file they are in (archive).
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Boolean, Column, Date, DateTime, Float, Integer, String, Table, TypeDecorator
from sqlalchemy.types import TypeEngine

from trading_assets.errors import NotABackup, TradingAssetsError

_Change = Callable[[Any], Any] | None


def line_writer(columns: Sequence[Column[Any]]) -> Callable[[Sequence[Any]], bytes]:
    """Return what writes a row of these columns as a line of ASCII.

    Raises:
        TradingAssetsError: a column has a type that nobody has said how to write exactly.
    """
    names = [column.name for column in columns]
    changes = [_kind(column)[0] for column in columns]

    def write(row: Sequence[Any]) -> bytes:
        cells = (
            value if change is None or value is None else change(value)
            for value, change in zip(row, changes, strict=True)
        )
        text = json.dumps(dict(zip(names, cells, strict=True)), separators=(",", ":"), allow_nan=False)
        return text.encode("ascii") + b"\n"

    return write


def line_reader(table: Table) -> Callable[[bytes], dict[str, Any]]:
    """Return what reads such a line.

    Raises:
        NotABackup: by what it returns, for a line that is none of this table.
    """
    changes = {column.name: _kind(column)[1] for column in table.columns}

    def read(line: bytes) -> dict[str, Any]:
        try:
            return _changed(json.loads(line), changes)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise NotABackup(f"a row of {table.name} in the backup cannot be read: {error}") from error

    return read


def _changed(cells: Mapping[str, Any], changes: Mapping[str, _Change]) -> dict[str, Any]:
    if cells.keys() != changes.keys():
        raise ValueError(f"its columns are {', '.join(cells)}")
    return {
        name: value if value is None or (change := changes[name]) is None else change(value)
        for name, value in cells.items()
    }


def _kind(column: Column[Any]) -> tuple[_Change, _Change]:
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    for kind, change in _KINDS:
        if isinstance(stored, kind):
            return change
    raise TradingAssetsError(
        f"{column.table.name}.{column.name} is of the type {column.type}, which backups do not know how to write: "
        "add it to trading_assets/storage/backups/cells.py"
    )


def _moment(value: datetime) -> str:
    """Write a moment; SQLite gives it without its zone, Postgres in the session's."""
    return (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()


def _moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return float(value) + 0.0
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON has
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    value.encode()  # a half of a surrogate pair is none either
    return value


def _truth(value: Any) -> bool:  # noqa: ANN401 - see above
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is neither true nor false")
    return value


def _whole(value: Any) -> int:  # noqa: ANN401 - see above
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise TypeError(f"{value!r:.40} is no whole number of 64 bits")
    return value


_KINDS: Final[tuple[tuple[type[TypeEngine[Any]], tuple[_Change, _Change]], ...]] = (
    (String, (None, _text)),
    (Boolean, (bool, _truth)),
    (Integer, (None, _whole)),
    (Float, (_number, float)),
    (DateTime, (_moment, _moment_of)),
    (Date, (date.isoformat, date.fromisoformat)),
)
"""How a value is written and read, by the type of its column; the text of JSON counts as text."""
