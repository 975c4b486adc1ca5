"""A backup of the whole catalogue, of one moment, while others go on publishing.

What it names lies in the lake. Objects come into the store before the catalogue names them and none is ever changed, so
a copy of the store that was begun after a backup has all that the backup names.

Belongs here: reading a catalogue into a backup. Does not: the file (archive), bringing it back (restore).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final
from zipfile import ZipFile

from sqlalchemy import Connection, Engine, Table, inspect
from sqlalchemy.orm import Session

from trading_assets.errors import CatalogFailed
from trading_assets.storage.backups.archive import Manifest, TableManifest, write_manifest, write_table, written
from trading_assets.storage.backups.content import highest_number, is_kept, kept_tables, lines, names_of, revision_of
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.transactions import TRANSACTION_S, query

_PATIENCE: Final = {TRANSACTION_S: 3600.0}
"""Execution options of a transaction that is as long as the catalogue is large."""


def back_up(engine: Engine, path: Path, *, environment: str, is_forced: bool = False) -> Manifest:
    """Write all that the catalogue has at this moment into a file.

    Raises:
        BackupExists: the file is there, and nobody said that it may go.
        CatalogFailed: there is no catalogue, it was upgraded meanwhile, or it cannot be reached.
    """
    with written(path, is_forced=is_forced) as file:
        return query(
            engine.execution_options(**_PATIENCE),
            lambda session: _write(session, engine, file, environment=environment),
        )


def _write(session: Session, engine: Engine, file: IO[bytes], *, environment: str) -> Manifest:
    connection, taken_at = session.connection(), datetime.now(UTC)
    if (revision := revision_of(connection)) is None:
        raise CatalogFailed("there is no catalogue here: nothing to back up")
    if connection.dialect.name == POSTGRES:
        _hold(connection, engine, revision)
    file.seek(0)  # the server may have been lost half-way
    file.truncate()
    with ZipFile(file, "w") as archive:
        manifest = Manifest(
            revision=revision,
            taken_at=taken_at,
            environment=environment,
            database=connection.dialect.name,
            tables={table.name: _write_table(connection, archive, table) for table in kept_tables(connection)},
        )
        write_manifest(archive, manifest)
    return manifest


def _write_table(connection: Connection, archive: ZipFile, table: Table) -> TableManifest:
    columns = names_of(table)
    n_rows, sha256 = write_table(archive, table.name, lines(connection, table, columns))
    highest = highest_number(connection, table)  # after the rows, so that no row has a higher one
    return TableManifest(columns=columns, n_rows=n_rows, sha256=sha256, highest=highest)


def _hold(connection: Connection, engine: Engine, revision: str) -> None:
    """Keep all tables as they are: rows are of one moment in Postgres by themselves, columns are not."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in inspect(connection).get_table_names() if is_kept(name))
    connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
    with engine.connect() as fresh:
        if (newer := revision_of(fresh)) != revision:
            raise CatalogFailed(f"the catalogue was upgraded from {revision} to {newer} just now: run it again")
