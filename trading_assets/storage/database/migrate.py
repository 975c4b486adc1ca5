"""Bring the catalogue to the newest schema, by the revisions under `migrations/`.

An upgrade is one transaction on either database, tables included: killed at any statement it leaves what was there, and
the next one begins again. It holds the write lock, so that of several at once one migrates and the others find it done.

Belongs here: upgrading, and refusing a schema from the future. Does not: what the schema is (migrations), whether it is
what the code wants (schema), whether its tables are those of the models (health/inspection).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from trading_assets.errors import TradingAssetsError
from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.faults import OldPrimary, in_words
from trading_assets.storage.database.roles import act_as_owner
from trading_assets.storage.database.schema import SCHEMA, VERSION_TABLE, found_schema, newer
from trading_assets.storage.database.transactions import WRITE
from trading_assets.storage.durability.disk_faults import disk_faults_named


def upgrade_catalog(engine: Engine, migrations: Path, *, revision: str = "head") -> None:
    """Upgrade to a revision; a catalogue that is there already is left alone.

    Raises:
        TradingAssetsError: the catalogue was made by newer code than this.
        CatalogFailed: its server cannot be reached, or the user may not upgrade it there.
        DiskFull: the disk of its server is full; nothing was done.
    """
    if revision == "head":
        found = found_schema(engine)
        if found == SCHEMA:
            return
        if found is not None and found > SCHEMA:
            raise TradingAssetsError(newer(found))
    config = Config()
    config.set_main_option("script_location", str(migrations))
    with migrating(engine) as connection:
        if _is_needed(connection, ScriptDirectory.from_config(config)):
            config.attributes["connection"] = connection
            command.upgrade(config, revision)


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Begin the one transaction of an upgrade: it holds the write lock, and on a server is the owner's.

    Raises:
        CatalogFailed: as for `upgrade_catalog`.
        DiskFull: see above.
    """
    begun = _on_server if engine.dialect.name == POSTGRES else _in_file
    with begun(engine.execution_options(**WRITE)) as connection:
        yield connection


@contextmanager
def _on_server(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            act_as_owner(connection)
            yield connection
    except (DBAPIError, OldPrimary) as error:
        if (told := in_words(error)) is None:
            raise
        raise told from error


@contextmanager
def _in_file(engine: Engine) -> Iterator[Connection]:
    """Begin without foreign keys, which SQLite would follow when a table is made anew; in the end they are looked at.

    Source: https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes".
    """
    with disk_faults_named(Path(str(engine.url.database)), "the upgrade"), engine.connect() as connection:
        raw: Any = connection.connection  # neither pragma does anything within a transaction
        _keep_log_beside(raw)
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise TradingAssetsError(f"the catalogue: a row of {broken[0]} names one of {broken[2]} not there")
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def _keep_log_beside(raw: Any) -> None:  # noqa: ANN401 - the driver's connection
    """Have SQLite write a log beside the file; it does not wait by itself where another process does so just now."""
    (patience_ms,) = raw.execute("PRAGMA busy_timeout").fetchone()
    patient = Retrying(
        retry=retry_if_exception(lambda error: getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY),
        stop=stop_after_delay(patience_ms / 1000),
        wait=wait_random(0.01, 0.1),
        reraise=True,
    )
    patient(raw.execute, "PRAGMA journal_mode=WAL")


def _is_needed(connection: Connection, script: ScriptDirectory) -> bool:
    """Tell whether the catalogue has an older schema than the newest, now that nobody else migrates.

    Raises:
        TradingAssetsError: it has one that this code does not know.
    """
    current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        raise TradingAssetsError(newer(current))
    return current != script.get_current_head()
