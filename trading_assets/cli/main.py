"""The entry of `trading-assets`: run a command, and end in one line whatever happens.

Belongs here: exit codes and errors. Does not: any command (intake, commands and the others).
"""

import gc
import sys
from typing import Final

from loguru import logger
from typer.exceptions import TyperException

from trading_assets.cli import (
    alerts,
    audit,
    commands,
    db,
    disk,
    export,
    faults,
    intake,
    lineage,
    quarantine,
    reconcile,
    report,
    reproduce,
    serve,
    snapshots,
    stage,
    verify,
)
from trading_assets.cli.app import app
from trading_assets.cli.terminal import complain, hush, in_one_line
from trading_assets.errors import InvalidIdentifier
from trading_assets.settings import current_settings

COMMANDS: Final = (
    intake,
    commands,
    lineage,
    reproduce,
    export,
    serve,
    quarantine,
    snapshots,
    verify,
    stage,
    disk,
    db,
    audit,
    alerts,
    reconcile,
    faults,
    report,
)
"""The modules whose commands are added to the application by being imported, in the order of `--help`."""
_PLACES: Final = {module.__name__: place for place, module in enumerate(COMMANDS)}
app.registered_commands.sort(key=lambda command: _PLACES[command.callback.__module__])
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141
"""What a shell reports of a program that SIGINT or SIGPIPE ended."""


def main() -> None:
    """Run a command; an error that a person can act on is one line."""
    code = _outcome()
    gc.freeze()  # all of it goes with the process: looking for cycles first takes as long as a fifth of the command
    sys.exit(code)


def _outcome() -> int:
    try:
        settings = current_settings()
        from trading_assets.telemetry.logs import configure_logs  # noqa: PLC0415 - needs the settings

        configure_logs(settings)
        logger.disable("trading_assets.orchestration.execute")  # each command prints its own account of it
        code = app(standalone_mode=False)
    except BrokenPipeError:
        hush()
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except TyperException as error:
        if message := error.format_message():  # else it was a group without a command, and its help is shown
            complain("error", f"{message} (`trading-assets COMMAND --help` shows how)")
        return error.exit_code
    except Exception as error:
        if (line := in_one_line(error)) is None:
            raise
        complain("error", line)
        return 2 if isinstance(error, InvalidIdentifier) else 1
    if code == EXIT_INTERRUPTED:
        complain("interrupted", "what was published stays, and nothing else: run the same command again to go on")
    return int(code or 0)
