"""Alembic's entry: run the revisions on the connection `storage/migrate.py` hands over, or on the settings' own."""

from alembic import context

from trading_assets.settings import current_settings
from trading_assets.storage.catalog import Base
from trading_assets.storage.database import open_engine
from trading_assets.storage.schema import VERSION_TABLE
from trading_assets.storage.snapshots import tables  # noqa: F401 - tables of Base too


def run(connection: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    with open_engine(current_settings()).begin() as own:
        run(own)
