"""The commands of the main way, from what was imported to a table: arguments and options, each command a call or two.

Belongs here: what can be asked for, and the help that teaches it.
Does not: bringing recordings in (intake), doing it (work), showing it (tables).
"""

from pathlib import Path
from typing import Annotated

import typer

from trading_assets.cli.app import End, Instruments, Start, app
from trading_assets.cli.arguments import parse_markets, parse_window
from trading_assets.cli.standing import NOTHING, print_plan, print_status
from trading_assets.cli.tables import print_worth
from trading_assets.cli.terminal import say
from trading_assets.cli.watch import watch
from trading_assets.cli.work import open_look, open_session, run_all, simulate_and_import
from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Partition, parse_asset
from trading_assets.settings import current_settings


@app.command("run")
def run(
    instruments: Instruments = None,
    start: Start = None,
    end: End = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and why; do nothing.")] = False,  # noqa: FBT002 - a flag
    or_simulate: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--or-simulate", help="Where nothing was ever recorded, simulate first.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --dry-run: name every step, however many.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Materialize what is missing or stale, in dependency order, through Dagster in this process.

    What would be done, and why:

        trading-assets run --dry-run

    Everything, or a part of it:

        trading-assets run

        trading-assets run -i BTCUSDT.BINANCE --start 2024-08-08 --end 2024-08-09
    """
    markets, window = parse_markets(instruments), parse_window(start, end)
    if dry_run and not or_simulate:
        print_plan(open_look(), markets, window, in_full=everything)
        return
    with open_session() as session:
        if or_simulate and not session.markets():
            simulate_and_import(session, session.settings.simulate)
        partitions = session.partitions(markets, *window)
        if not partitions:
            raise TradingAssetsError(NOTHING)
        if dry_run:
            print_plan(open_look(), markets, window, in_full=everything)
            return
        failed = run_all(session, partitions)
        print_worth(session, partitions)
        if failed:
            raise typer.Exit(1)


@app.command("status")
def status(
    instruments: Instruments = None,
    start: Start = None,
    end: End = None,
    watched: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--watch", help="Keep a summary current until Ctrl-C; into a pipe, say every change.")
    ] = False,
    every_s: Annotated[float, typer.Option("--every", metavar="SECONDS", min=0.1, help="How often to look.")] = 2.0,
    everything: Annotated[bool, typer.Option("--all", help="Show every one, however many.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Show every asset of every recorded day: published, stale, missing or quarantined, with its version.

    Where these are too many to be read, how many stand how, and those that want a person. All of it, or a part:

        trading-assets status

        trading-assets status -i BTCUSDT.BINANCE --start 2024-08-08

    A summary that follows what other processes do:

        trading-assets status --watch --every 5
    """
    markets, window = parse_markets(instruments), parse_window(start, end)
    if watched:
        watch(open_look(), markets, window, every_s=every_s)
    else:
        print_status(open_look(), markets, window, in_full=everything)


@app.command("read")
def read(
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Such as book_features.")],
    partition: Annotated[
        str, typer.Argument(metavar="PARTITION", help="DAY|INSTRUMENT, such as '2024-08-08|BTCUSDT.BINANCE'.")
    ],
    target: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="A .parquet, .csv or .json file, or - for CSV on the terminal."),
    ],
) -> None:
    """Write one published partition to a file, its bytes verified first.

    As Parquet, CSV or JSON, as the name of the file says, or as CSV to a pipe:

        trading-assets read raw_trades '2024-08-08|BTCUSDT.BINANCE' --out t.csv

        trading-assets read labels '2024-08-08|BTCUSDT.BINANCE' --out - | head

    `captures` and `model` are no tables, and are copied as they are:

        trading-assets read model '2024-08-09|BTCUSDT.BINANCE' --out model.json
    """
    from trading_assets.export import STDOUT, write_partition  # noqa: PLC0415 - Polars is not needed for --help
    from trading_assets.orchestration.warehouse import Warehouse  # noqa: PLC0415 - SQLAlchemy is slow to import

    wanted = parse_asset(asset), Partition.parse(partition)
    n_rows = write_partition(Warehouse.open_for_looking(current_settings()), *wanted, target)
    if target != STDOUT:
        say(f"{n_rows:,} rows → {target}")
