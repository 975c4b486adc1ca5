"""Alembic's entry: run the revisions on the connection that `migrate` hands over, or on one by the settings."""

from alembic import context
from alembic.util import CommandError

from trading_assets.health.inspection import comparison
from trading_assets.settings import current_settings
from trading_assets.storage.catalog import Base
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import migrating


def run(connection: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        **comparison(connection),
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise CommandError("revisions read what they change, so they cannot be written out as SQL: leave out --sql")
handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    with migrating(open_engine(current_settings())) as own:
        run(own)
