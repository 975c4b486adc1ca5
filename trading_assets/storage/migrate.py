"""Bring the catalogue to the newest schema, by the revisions under `migrations/`.

Belongs here: upgrading, and refusing a schema from the future. Does not: what the schema is (migrations).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from trading_assets.errors import TradingAssetsError
from trading_assets.storage.schema import VERSION_TABLE, is_current


def upgrade_catalog(engine: Engine, migrations: Path) -> None:
    """Upgrade to head; a catalogue that is there already is left alone.

    Raises:
        TradingAssetsError: the catalogue was made by newer code than this.
    """
    if is_current(engine):
        return
    config = Config()
    config.set_main_option("script_location", str(migrations))
    script = ScriptDirectory.from_config(config)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.execute("PRAGMA journal_mode=WAL")
    with engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
        if current == script.get_current_head():
            return
        if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
            raise TradingAssetsError(
                f"the catalogue has schema {current}, which this code does not know: update trading_assets"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
