"""The commands of the main way, from a recording to a table: arguments and options, each command a call or two.

Belongs here: what can be asked for, and the help that teaches it. Does not: doing it (work), showing it (tables).
"""

from pathlib import Path
from typing import Annotated

import typer

from trading_assets.cli.app import End, Instruments, Start, app
from trading_assets.cli.arguments import parse_markets, parse_step, parse_window
from trading_assets.cli.standing import NOTHING, print_plan, print_status
from trading_assets.cli.tables import print_worth
from trading_assets.cli.terminal import say
from trading_assets.cli.watch import watch
from trading_assets.cli.work import (
    ensure_importable,
    import_files,
    open_look,
    open_session,
    record,
    run_all,
    simulate_and_import,
)
from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Instrument, Partition, parse_asset, parse_day
from trading_assets.settings import current_settings


@app.command("setup")
def setup() -> None:
    """Make the catalogue, Dagster's home and MLflow's store under `var/`, and write `.env` (done by `make setup`).

    Once, before several processes start at the same time:

        trading-assets setup
    """
    from trading_assets.orchestration.bootstrap import compile_kernels, prepare, write_environment  # noqa: PLC0415 - Dagster is slow

    settings = current_settings()
    write_environment(settings)
    prepare(settings)
    compile_kernels()
    say(f"ready: everything lives under {settings.root / 'var'}")


@app.command("import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of files: plain, gzip or zstd.")
    ],
    instrument: Annotated[
        str | None,
        typer.Option("--instrument", "-i", metavar="ID", help="What the lines are of, where they do not say."),
    ] = None,
    said_format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="NAME", help="What the files are, where they do not say; a wrong name lists all."
        ),
    ] = None,
    venue: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of which market a recording's lines are, where they name no more than a symbol."
        ),
    ] = None,
    tick_size: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Price step of the venue; inferred by default.")
    ] = None,
    lot_size: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Size step of the venue; inferred by default.")
    ] = None,
) -> None:
    """Import files and publish them as `captures`; importing the same file twice changes nothing.

    The venue, the instrument and the day are read from the lines themselves:

        trading-assets import btcusdt_20240808.gz

    Where lines do not say their market, or the venue's steps are known:

        trading-assets import recordings/ -i BTCUSDT.BINANCE_USDM

        trading-assets import bybit/ --venue BYBIT_LINEAR

        trading-assets import recordings/ --tick-size 0.1 --lot-size 0.001

    Tardis's tables, LOBSTER's pairs, Databento's MBP-10 and hftbacktest's npz are recognised, and said what they lack.
    An npz does not say whose it is:

        trading-assets import binance-futures_trades_2024-08-08_BTCUSDT.csv.gz

        trading-assets import btcusdt_20240808.npz -i BTCUSDT.BINANCE_USDM

    A file that is refused is named, the others are imported. Hidden files of a folder are passed over.
    """
    from trading_assets.storage.registry import TickRules  # noqa: PLC0415 - SQLAlchemy is slow to import

    market = Instrument.parse(instrument) if instrument is not None else None
    rules = TickRules(parse_step("--tick-size", tick_size), parse_step("--lot-size", lot_size))
    with open_session() as session:
        if not import_files(session, paths, market, rules, said_format, venue):
            raise typer.Exit(1)


@app.command("simulate")
def simulate(
    instruments: Instruments = None,
    start: Annotated[str | None, typer.Option("--start", metavar="DAY", help="First simulated day.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=366, help="How many days.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, max=1440, help="Recorded minutes a day.")] = None,
    signal: Annotated[
        float | None, typer.Option(min=0, max=1, help="Strength of the planted signal; 0 is none.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Equal seeds give equal recordings.")] = None,
    target: Annotated[
        Path | None, typer.Option("--out", help="Only write recordings into this folder, import nothing.")
    ] = None,
) -> None:
    """Record a simulated exchange and import it, so that the graph has something to run on.

    What is not said comes from the settings:

        trading-assets simulate

        trading-assets simulate -i SIMBTC.BINANCE --days 3 --signal 0.8

    Only files, to import elsewhere:

        trading-assets simulate --out recordings/ --minutes 10
    """
    markets = parse_markets(instruments)
    given = {
        "instruments": tuple(map(str, markets)) if markets else None,
        "start_day": None if start is None else parse_day(start),
        "days": days,
        "minutes_per_day": minutes,
        "signal_strength": signal,
        "seed": seed,
    }
    settings = current_settings()
    wanted = settings.simulate.model_copy(update={k: v for k, v in given.items() if v is not None})
    if target is not None:
        for path in record(wanted, target):
            say(str(path))
        return
    ensure_importable(wanted, settings.partitions.start_day)
    with open_session() as session:
        simulate_and_import(session, wanted)


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
    from trading_assets.orchestration.execute import Warehouse  # noqa: PLC0415 - SQLAlchemy is slow to import

    wanted = parse_asset(asset), Partition.parse(partition)
    n_rows = write_partition(Warehouse.open(current_settings()), *wanted, target)
    if target != STDOUT:
        say(f"{n_rows:,} rows → {target}")
