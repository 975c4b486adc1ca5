"""The command that shows the audit trail.

Belongs here: the list of acts. Does not: the acts (quarantine, disk).
"""

from typing import Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.terminal import say, show_table
from trading_assets.cli.work import open_session


@app.command("audit")
def audit(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many acts at most.")] = 50,
) -> None:
    """List what people, or retention on their behalf, did to the data: who, when and why, newest first.

    The newest, or more of them:

        trading-assets audit

        trading-assets audit --limit 1000
    """
    from trading_assets.storage.upkeep.audit import trail  # noqa: PLC0415 - SQLAlchemy is slow to import

    with open_session() as session:
        acts = trail(session.warehouse.lake.engine, limit=limit)
    cells = ((f"{each.acted_at:%Y-%m-%d %H:%M:%S}", each.actor, each.act, each.subject, each.reason) for each in acts)
    if not show_table("audit trail", ("when (UTC)", "who", "act", "subject", "reason"), cells):
        say("nothing was accepted, dropped or tidied")
