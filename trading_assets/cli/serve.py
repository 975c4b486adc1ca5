"""The command that loads what is published into the tables of consumers.

Belongs here: what is asked for, and saying what was done. Does not: doing it (serving).
"""

from typing import Annotated, Final

import typer

from trading_assets.cli.app import End, Instruments, Start, app
from trading_assets.cli.arguments import parse_markets, parse_window
from trading_assets.cli.terminal import complain, out, say
from trading_assets.cli.work import open_warehouse
from trading_assets.errors import CatalogFailed, TradingAssetsError

SHOWN: Final = 50
"""Partitions that `--dry-run` names before the rest is only counted."""


@app.command("serve")
def serve(
    instruments: Instruments = None,
    start: Start = None,
    end: End = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be loaded; load nothing.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Load published features and forecasts into the tables that consumers query, where these are behind.

    Everything that is published and not loaded, or of some days of one market:

        trading-assets serve

        trading-assets serve -i BTCUSDT.BINANCE --start 2024-08-08 --end 2024-08-09

    Each partition is replaced in one transaction: consumers get the version before or the new one. The tables are
    `served_features` and `served_forecasts` of the catalogue's database.
    """
    from trading_assets.serving.due import due  # noqa: PLC0415 - SQLAlchemy and Polars are slow to import
    from trading_assets.serving.load import load  # noqa: PLC0415 - see above

    markets, window = parse_markets(instruments), parse_window(start, end)
    lake = open_warehouse().lake
    waiting = due(lake.engine, markets, *window)
    if not waiting:
        say("everything that is published is served")
    if dry_run:
        for each in waiting[:SHOWN]:
            say(f"{each.asset} of {each.partition}: ", "another version is served" if each.is_served else "not served")
        if len(waiting) > SHOWN:
            say(f"and {len(waiting) - SHOWN:,} others")
        return
    failed = False
    for n, each in enumerate(waiting, 1):
        prefix = f"{n}/{len(waiting)} {each.asset} of {each.partition}"
        try:
            with out.status(prefix):
                served = load(lake, each.asset, each.partition)
        except CatalogFailed:
            raise
        except TradingAssetsError as error:
            complain("error", f"{each.asset} of {each.partition} was not loaded: {error}")
            failed = True
            continue
        say(f"{prefix}: {served.n_rows:,} rows ", "replaced" if each.is_served else "served", "green")
    if failed:
        raise typer.Exit(1)
