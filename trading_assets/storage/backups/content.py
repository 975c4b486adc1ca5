"""All that a catalogue has, in whichever schema it is: its tables as they are found, and their rows in one order.

Tables are found by asking the database and not by the models, so that a catalogue of an older schema has its rows too.

Belongs here: reading whole tables. Does not: how a value is written (cells), the file (archive), the models (catalog).
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Connection,
    Inspector,
    MetaData,
    Select,
    String,
    Table,
    Text,
    TypeDecorator,
    cast,
    collate,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

from trading_assets.storage.backups.cells import line_writer
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.schema import VERSION_TABLE

SERVED: Final = "served_"
"""How the names of tables begin that consumers query: they are loaded anew from the lake, so no backup has them."""
_BATCH: Final = 2_000


class _Verbatim(TypeDecorator[str]):
    """JSON as the text it is, on its way out and, where the database tells one from the other, on its way in."""

    impl = Text
    cache_ok = False

    def __init__(self, told_apart: TypeEngine[Any] | None) -> None:
        super().__init__()
        self._told_apart = told_apart

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Select the text."""
        return cast(column, Text)

    def bind_expression(self, bindparam: BindParameter[Any]) -> ColumnElement[Any]:
        """Write the text."""
        return bindparam if self._told_apart is None else cast(cast(bindparam, Text), self._told_apart)


def is_kept(table: str) -> bool:
    """Tell whether a backup has a table: every one has a row to lose, but for those that are loaded anew."""
    return table != VERSION_TABLE and not table.startswith(SERVED)


def revision_of(connection: Connection) -> str | None:
    """Return the schema of a catalogue; None where there is none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
    return found


def kept_tables(connection: Connection) -> list[Table]:
    """Find every table that a backup has, those that others refer to first."""
    metadata = MetaData()
    event.listen(metadata, "column_reflect", _as_text)
    metadata.reflect(connection, only=lambda name, _: is_kept(name), resolve_fks=False)
    return metadata.sorted_tables


def rows_by_table(connection: Connection) -> dict[str, int]:
    """Count the rows of every table that has any; of all tables, for an empty catalogue has none anywhere."""
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name != VERSION_TABLE, resolve_fks=False)
    counts = {
        table.name: connection.scalar(select(func.count()).select_from(table)) for table in metadata.tables.values()
    }
    return {name: n for name, n in sorted(counts.items()) if n}


def names_of(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns, in the order in which this database has them."""
    return tuple(column.name for column in table.columns)


def lines(connection: Connection, table: Table, names: Sequence[str]) -> Iterator[bytes]:
    """Write these columns of all rows as lines, by primary key, in the same order on every database."""
    write = line_writer([table.columns[name] for name in names])
    found = connection.execute(_all_of(table, names, connection), execution_options={"yield_per": _BATCH})
    for row in found:
        yield write(row)


def count_and_digest(connection: Connection, table: Table, names: Sequence[str]) -> tuple[int, str]:
    """Return the number of rows, and the SHA-256 of the lines with these columns."""
    digest, n = hashlib.sha256(), 0
    for n, line in enumerate(lines(connection, table, names), 1):  # noqa: B007 - how many they were
        digest.update(line)
    return n, digest.hexdigest()


def highest_number(connection: Connection, table: Table) -> int | None:
    """Return the highest number that a table ever gave to a row, removed or not; None where it numbers none."""
    column = table.autoincrement_column
    if column is None:
        return None
    given: int = connection.scalar(select(func.coalesce(func.max(column), 0))) or 0
    if connection.dialect.name == POSTGRES:
        sequence = {"sequence": sequence_of(connection, table.name, column.name)}
        said = connection.scalar(
            text("SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = :sequence"),
            sequence,
        )
    else:
        said = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
    return max(given, said or 0)


def sequence_of(connection: Connection, table: str, column: str) -> str | None:
    """Return the name of the sequence that numbers a table's rows in Postgres."""
    quoted = connection.dialect.identifier_preparer.quote(table)
    found: str | None = connection.scalar(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": quoted, "column": column}
    )
    return found


def _all_of(table: Table, names: Sequence[str], connection: Connection) -> Select[Any]:
    is_postgres = connection.dialect.name == POSTGRES
    keys = [collate(each, "C") if is_postgres and isinstance(each.type, String) else each for each in table.primary_key]
    return select(*(table.columns[name] for name in names)).order_by(*keys)


def _as_text(inspector: Inspector, _table: Table, column: Any) -> None:  # noqa: ANN401 - SQLAlchemy's dictionary
    if isinstance(column["type"], JSON):
        column["type"] = _Verbatim(column["type"] if inspector.dialect.name == POSTGRES else None)
