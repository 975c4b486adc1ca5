"""The commands that come before a run: a project to put recordings into, and recordings, imported or simulated.

Belongs here: what can be asked for, and the help that teaches it. Does not: doing it (work), using it (commands).
"""

from pathlib import Path
from typing import Annotated

import typer

from trading_assets.cli.app import Instruments, app
from trading_assets.cli.arguments import parse_markets, parse_step
from trading_assets.cli.terminal import say
from trading_assets.cli.work import ensure_importable, import_files, open_session, record, simulate_and_import
from trading_assets.identifiers import Instrument, parse_day
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
