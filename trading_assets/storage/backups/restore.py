"""A catalogue brought back from a backup, into an empty one, on the same kind of database or another.

All of it is one transaction: killed at any row it leaves an empty catalogue, and the next one begins again. A backup of
an older schema is loaded into the tables it was taken from, which are then upgraded.

Belongs here: filling a catalogue. Does not: the file (archive), what it names in the lake (verification).
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, inspect, text
from sqlalchemy.exc import DataError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from trading_assets.errors import CatalogNotEmpty, NotABackup
from trading_assets.storage.backups.archive import MAX_NUMBER, Backup, Manifest, opened
from trading_assets.storage.backups.cells import line_reader
from trading_assets.storage.backups.content import (
    count_and_digest,
    kept_tables,
    names_of,
    revision_of,
    rows_by_table,
    sequence_of,
)
from trading_assets.storage.catalog import TicketRow
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.migrate import migrating, upgrade_catalog
from trading_assets.storage.database.roles import act_as_owner
from trading_assets.storage.database.transactions import TRANSACTION_S, query, transact

_PATIENCE: Final = {TRANSACTION_S: 24 * 3600.0}
"""Execution options of the transaction: a person waits for it, and nothing else could be done meanwhile."""
TAKEN_SINCE: Final = 1_000_000
"""How many tickets may have been taken after a backup: their numbers are names of files, and rights that a process may
still believe to have, so none of them is given a second time."""


def restore(engine: Engine, path: Path, migrations: Path) -> Manifest:
    """Fill an empty catalogue, made if it is not there, with all that a backup has, in the newest schema.

    Raises:
        NotABackup: the file is another one, damaged, of newer code, or has what this database cannot hold.
        CatalogNotEmpty: the catalogue has rows; nothing was changed.
    """
    with opened(path) as backup:
        script = ScriptDirectory(str(migrations))
        _ensure_known(path, backup.manifest, script)
        query(engine, lambda session: _ensure_empty(session.connection()))
        upgrade_catalog(engine, migrations)
        if engine.dialect.name == POSTGRES:
            on_server = _OnServer(backup, migrations)
            transact(engine.execution_options(**_PATIENCE), on_server.fill)
        else:
            with migrating(engine) as connection:
                _fill(connection, backup, migrations)
        return backup.manifest


class _OnServer:
    """A restore into Postgres, whose answer can be lost with its server, and which is then begun again."""

    def __init__(self, backup: Backup, migrations: Path) -> None:
        self._backup, self._migrations = backup, migrations
        self._attempts: list[str] = []
        """The transactions that were begun, as the server numbers them."""

    def fill(self, session: Session) -> None:
        """Fill the catalogue, unless an attempt was committed whose answer was lost."""
        connection = session.connection()
        if any(_was_committed(connection, each) for each in self._attempts):
            return
        self._attempts.append(connection.execute(text("SELECT pg_current_xact_id()::text")).scalar_one())
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        act_as_owner(connection)
        _fill(connection, self._backup, self._migrations)


def _was_committed(connection: Connection, attempt: str) -> bool:
    """Ask what became of a transaction; one that a standby never heard of has left nothing there."""
    status = text("SELECT pg_xact_status(CAST(:attempt AS xid8))")
    return bool(rows_by_table(connection)) and connection.scalar(status, {"attempt": attempt}) == "committed"


def _fill(connection: Connection, backup: Backup, migrations: Path) -> None:
    _ensure_empty(connection)
    head = revision_of(connection)
    _move(connection, migrations, backup.manifest.revision)
    tables = {table.name: table for table in kept_tables(connection)}
    _ensure_same(backup.manifest, tables)
    for name in backup.manifest.tables:
        _load(connection, backup, tables[name])
    for name, told in backup.manifest.tables.items():
        if count_and_digest(connection, tables[name], told.columns) != (told.n_rows, told.sha256):
            raise NotABackup(f"{name} cannot be restored here: this database gives other rows back than it was given")
    if head is not None:
        _move(connection, migrations, head)
    _number_on(connection, backup.manifest)


def _ensure_known(path: Path, manifest: Manifest, script: ScriptDirectory) -> None:
    if manifest.revision not in {revision.revision for revision in script.walk_revisions()}:
        raise NotABackup(
            f"{path} cannot be restored: it has schema {manifest.revision}, which this code does not know: update "
            "trading_assets (`git pull`, then `make setup`)"
        )


def _ensure_empty(connection: Connection) -> None:
    if found := rows_by_table(connection):
        told = ", ".join(f"{n:,} of {name}" for name, n in found.items())
        raise CatalogNotEmpty(
            f"the catalogue has rows already ({told}), and only an empty one can be restored into: name another in "
            "TRADING_ASSETS_CATALOG__URL, or move this one out of the way (docs/runbook.md)"
        )


def _ensure_same(manifest: Manifest, tables: dict[str, Table]) -> None:
    """Compare the tables that a backup has with those that its schema has."""
    told = {name: set(table.columns) for name, table in manifest.tables.items()}
    if told != {name: set(names_of(table)) for name, table in tables.items()}:
        raise NotABackup(f"the backup's tables are not those of schema {manifest.revision}")


def _load(connection: Connection, backup: Backup, table: Table) -> None:
    read = line_reader(table)
    try:
        for batch in backup.lines(table.name):
            connection.execute(table.insert(), [read(line) for line in batch])
    except (DataError, IntegrityError, StatementError) as error:
        if not isinstance(error, DataError | IntegrityError) and type(error) is not StatementError:
            raise  # of the server, and not of the rows
        reason = str(error.orig).partition("\n")[0]
        raise NotABackup(f"this database cannot hold {table.name} of the backup: {reason}") from error


def _move(connection: Connection, migrations: Path, revision: str) -> None:
    """Bring the tables to a revision, be it older or newer, in the transaction that is under way."""
    current = revision_of(connection)
    if revision == current:
        return
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    older = {each.revision for each in ScriptDirectory(str(migrations)).iterate_revisions(current, "base")}
    (command.downgrade if revision in older else command.upgrade)(config, revision)


def _number_on(connection: Connection, manifest: Manifest) -> None:
    """Let every table number its next row higher than any that it ever had."""
    for name, told in manifest.tables.items():
        if told.highest is None or not inspect(connection).has_table(name):
            continue
        (column,) = inspect(connection).get_pk_constraint(name)["constrained_columns"]
        there = connection.scalar(text(f"SELECT coalesce(max({column}), 0) FROM {name}"))  # noqa: S608 - of our schema
        if there > MAX_NUMBER:
            raise NotABackup(f"{name} has a row of the number {there}, which no catalogue reaches")
        highest = max(told.highest, there) + (TAKEN_SINCE if name == TicketRow.__tablename__ else 0)
        if connection.dialect.name == POSTGRES:
            sequence = {"sequence": sequence_of(connection, name, column), "n": max(highest, 1), "is_used": highest > 0}
            connection.execute(text("SELECT setval(CAST(:sequence AS regclass), :n, :is_used)"), sequence)
        elif _numbers_of_its_own(connection, name):
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            values = {"name": name, "n": highest}
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :n)"), values)


def _numbers_of_its_own(connection: Connection, table: str) -> bool:
    """Tell whether SQLite keeps a table's highest number; of the others it takes the highest that is there."""
    sql = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :table"), {"table": table})
    return "AUTOINCREMENT" in str(sql).upper()
