"""Rows into a table, a block at a time, inside a transaction that somebody else opened.

Belongs here: the way of each database. Does not: which rows (shape), when (load). Source:
https://www.postgresql.org/docs/current/sql-copy.html
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl
from sqlalchemy import Connection, Date, Table, insert
from sqlalchemy.exc import DBAPIError

from trading_assets.serving.tables import OTHERS
from trading_assets.storage.catalog import UtcDateTime
from trading_assets.storage.database.engines import POSTGRES

if TYPE_CHECKING:
    from psycopg import Error as PsycopgError

_AT_ONCE: Final = 4_096
"""Rows that are Python objects at one time."""
_FORMATS: Final = {UtcDateTime: "%Y-%m-%d %H:%M:%S%.6f", Date: "%Y-%m-%d"}
"""How SQLAlchemy has moments and days in SQLite."""


def write(connection: Connection, table: Table, blocks: Iterable[pl.DataFrame]) -> int:
    """Write rows that have the table's columns in its order; return how many.

    SQLite keeps a NaN as a null; Postgres keeps it.
    """
    way = _copied if connection.dialect.name == POSTGRES else _inserted
    return way(connection, table, blocks)


def _inserted(connection: Connection, table: Table, blocks: Iterable[pl.DataFrame]) -> int:
    """Insert by the driver itself: SQLAlchemy's conversion of each value takes most of its time."""
    statement = str(insert(table).compile(dialect=connection.dialect, column_keys=table.columns.keys()))
    texts = [
        pl.col(each.name).dt.strftime(_FORMATS[type(each.type)])
        for each in table.columns
        if type(each.type) in _FORMATS
    ]
    n_rows = 0
    for block in blocks:
        for some in block.with_columns(texts).iter_slices(_AT_ONCE):
            connection.exec_driver_sql(statement, some.rows())
            n_rows += some.height
    return n_rows


def _copied(connection: Connection, table: Table, blocks: Iterable[pl.DataFrame]) -> int:
    """Copy in Postgres' binary format, encoded while the server takes what came before."""
    from psycopg import Connection as PsycopgConnection  # noqa: PLC0415 - psycopg is slow to import
    from psycopg import Error as PsycopgError  # noqa: PLC0415 - see above

    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in table.columns.keys())  # noqa: SIM118 - names, not columns
    statement = f"COPY {quote(table.name)} ({columns}) FROM STDIN (FORMAT BINARY)"
    driver = cast("PsycopgConnection[Any]", connection.connection.driver_connection)
    try:
        with driver.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                for buffer in _encoded(blocks):
                    copy.write(buffer)
            return max(0, cursor.rowcount)
    except PsycopgError as error:
        raise _as_sqlalchemys(connection, statement, error) from error


def _encoded(blocks: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    from pgpq import ArrowToPostgresBinaryEncoder  # noqa: PLC0415 - only where it is copied
    from pgpq.encoders import LargeStringEncoderBuilder  # noqa: PLC0415 - see above
    from pgpq.schema import Jsonb  # noqa: PLC0415 - see above

    encoder = None
    for block in blocks:
        arrow = block.to_arrow(compat_level=pl.CompatLevel.oldest())
        if encoder is None:
            builders = {field.name: ArrowToPostgresBinaryEncoder.infer_encoder(field) for field in arrow.schema}
            builders[OTHERS] = LargeStringEncoderBuilder.new_with_output(arrow.schema.field(OTHERS), Jsonb())
            encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(arrow.schema, builders)
            yield encoder.write_header()
        for batch in arrow.to_batches():
            yield encoder.write_batch(batch)
    if encoder is not None:
        yield encoder.finish()


def _as_sqlalchemys(connection: Connection, statement: str, error: "PsycopgError") -> Exception:
    """Return what SQLAlchemy would have raised: whoever repeats transactions knows no driver's errors."""
    import psycopg  # noqa: PLC0415 - see above

    is_lost = connection.dialect.is_disconnect(cast("Any", error), cast("Any", connection.connection), None)
    if is_lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        statement, None, error, psycopg.Error, connection_invalidated=is_lost, dialect=connection.dialect
    )
