"""A warm process whose children upgrade catalogues, and die where they are told to: orders come in, answers go out.

An order has the folders and addresses of catalogues that are upgraded at once, the statement before which each upgrade
is killed (the commit counts as the last), and how long a file may become.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from catalogues import MIGRATIONS, pointed_at

from trading_assets.errors import TradingAssetsError
from trading_assets.settings import Settings, load_settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.database.transactions import WRITE

DONE, REFUSED = 0, 3


def upgrade(order: dict[str, Any], settings: Settings, errors: int) -> int:
    """Upgrade as ordered; what is said of an error goes into a pipe."""
    engine = open_engine(settings)
    count_down(engine, order["kill_at"])
    if order["max_file_bytes"] is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["max_file_bytes"],) * 2)
    try:
        upgrade_catalog(engine, MIGRATIONS)
    except TradingAssetsError as error:
        os.write(errors, f"{type(error).__name__}: {error}".encode())
        return REFUSED
    return DONE


def count_down(engine: sa.Engine, n: int | None) -> None:
    """Die before the n-th statement of the upgrade's transaction, or before its commit."""
    left = [n or 0]

    def pass_one(connection: sa.Connection, *_: object) -> None:
        if WRITE.items() <= connection.get_execution_options().items():
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", pass_one)
    sa.event.listen(engine, "commit", pass_one)


def carry_out(order: dict[str, Any], settings: Settings) -> dict[str, Any]:
    reading, writing = os.pipe()
    children = []
    for root, url in order["places"]:
        if (child := os.fork()) == 0:
            status = 1
            try:
                status = upgrade(order, pointed_at(settings.model_copy(update={"root": Path(root)}), url), writing)
            finally:
                os._exit(status)
        children.append(child)
    os.close(writing)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    with os.fdopen(reading, "rb") as pipe:
        return {"statuses": statuses, "errors": pipe.read().decode()}


if __name__ == "__main__":
    default = load_settings(MIGRATIONS.parent, environment="development")
    print(json.dumps("ready"), flush=True)  # noqa: T201 - an answer
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line), default)), flush=True)  # noqa: T201 - see above
