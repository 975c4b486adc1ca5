"""The catalogue in one SQLite file.

Belongs here: how a connection is configured and how a transaction begins. Does not: what is done in it (transactions).
"""

from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from trading_assets.storage.database.transactions import WRITE


def open_sqlite(url: URL, *, busy_timeout_s: float) -> Engine:
    """Open a file, whose folder is made, so that a writer waits its turn for some seconds."""
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    pragmas = (f"busy_timeout={round(busy_timeout_s * 1000)}", "foreign_keys=ON", "synchronous=FULL")

    @event.listens_for(engine, "connect")
    def configure(connection: SQLiteConnection, _record: object) -> None:
        """Take transactions, DDL included, out of the hands of sqlite3's legacy autocommit."""
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """Take the write lock at once, so that nothing comes between what is read and what is written."""
        is_write = WRITE.items() <= connection.get_execution_options().items()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine
