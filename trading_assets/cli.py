"""`trading-assets`: thin commands, each a call into a stage, that print for people and fail in one line.

Belongs here: arguments, tables and progress. Does not: any decision about data.
"""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from loguru import logger
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trading_assets.errors import InvalidIdentifier, TradingAssetsError
from trading_assets.identifiers import Instrument, Partition, parse_day
from trading_assets.settings import SimulateSettings, current_settings, load_settings, project_root

if TYPE_CHECKING:
    from trading_assets.models.evaluate import Score
    from trading_assets.session import Session

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Level-2 order books from the wire to a forecast, each step audited before it is published.

    A first look, from nothing:

        trading-assets simulate && trading-assets run && trading-assets status

    With your own Binance recordings (lines of `<receive ns> <venue JSON>`; plain, gzip or zstd):

        trading-assets import recordings/ && trading-assets run
    """,
)
out = Console(width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)

Instruments = Annotated[
    list[str] | None,
    typer.Option("--instrument", "-i", help="SYMBOL.VENUE, such as BTCUSDT.BINANCE; may be repeated; all by default."),
]
Start = Annotated[str | None, typer.Option("--start", help="First day, YYYY-MM-DD; the first recorded by default.")]
End = Annotated[str | None, typer.Option("--end", help="Last day, included; the last recorded by default.")]
STYLES: Final = {
    "published": "green",
    "stale": "yellow",
    "missing": "red",
    "quarantined": "bold red",
    "not expected": "dim",
}


@app.command("setup")
def setup() -> None:
    """Make the catalogue, Dagster's home and MLflow's store under `var/`, and write `.env` (done by `make setup`)."""
    from trading_assets.orchestration.bootstrap import compile_kernels, prepare, write_environment  # noqa: PLC0415 - Dagster is slow

    settings = current_settings()
    write_environment(settings)
    prepare(settings)
    compile_kernels()
    out.print(f"ready: everything lives under {settings.root / 'var'}")


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files: plain, gzip or zstd.")],
    instrument: Annotated[
        str | None, typer.Option("--instrument", "-i", help="What the lines are of, where they do not say.")
    ] = None,
    tick_size: Annotated[str | None, typer.Option(help="Price step of the venue; inferred by default.")] = None,
    lot_size: Annotated[str | None, typer.Option(help="Size step of the venue; inferred by default.")] = None,
) -> None:
    """Import recordings and publish them as `captures`; importing the same file twice changes nothing.

    The venue, the instrument and the day are read from the lines themselves:

        trading-assets import btcusdt_20240808.gz

        trading-assets import recordings/ --instrument BTCUSDT.BINANCE_USDM --tick-size 0.1
    """
    from trading_assets.storage.registry import TickRules  # noqa: PLC0415 - SQLAlchemy is slow to import

    market = Instrument.parse(instrument) if instrument else None
    rules = TickRules(_step("--tick-size", tick_size), _step("--lot-size", lot_size))
    with _session() as session:
        _import(session, paths, market, rules)


@app.command("simulate")
def simulate(
    instruments: Instruments = None,
    start: Annotated[str | None, typer.Option("--start", help="First simulated day.")] = None,
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

    trading-assets simulate --instrument SIMBTC.BINANCE --days 3 --minutes 60 --signal 0.8
    """
    given = {
        "instruments": tuple(instruments) if instruments else None,
        "start_day": parse_day(start) if start else None,
        "days": days,
        "minutes_per_day": minutes,
        "signal_strength": signal,
        "seed": seed,
    }
    settings = current_settings()
    wanted = settings.simulate.model_copy(update={k: v for k, v in given.items() if v is not None})
    if target is not None:
        for path in _record(wanted, target):
            out.print(str(path))
        return
    with _session() as session:
        _simulate(session, wanted)


@app.command("run")
def run(
    instruments: Instruments = None,
    start: Start = None,
    end: End = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and why; do nothing.")] = False,  # noqa: FBT002 - a flag
    or_simulate: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--or-simulate", help="Where nothing was ever recorded, simulate first.")
    ] = False,
) -> None:
    """Materialize what is missing or stale, in dependency order, through Dagster in this process.

    trading-assets run --dry-run

    trading-assets run --instrument BTCUSDT.BINANCE --start 2024-08-08 --end 2024-08-09
    """
    with _session() as session:
        if or_simulate and not session.warehouse.registry.instruments():
            _simulate(session, session.settings.simulate)
        partitions = session.partitions(_markets(instruments), *_window(start, end))
        if not partitions:
            raise TradingAssetsError(
                "nothing is recorded for that: `trading-assets import FILE…`, or `trading-assets simulate`"
            )
        if dry_run:
            _print_plan(session, partitions)
            return
        failed = _run(session, partitions)
        _print_worth(session, partitions)
        if failed:
            raise typer.Exit(1)


@app.command("status")
def status(instruments: Instruments = None, start: Start = None, end: End = None) -> None:
    """Show every asset of every recorded day: published, stale, missing or quarantined, with its version.

    trading-assets status --instrument BTCUSDT.BINANCE
    """
    with _session() as session:
        table = Table(title="assets by partition", show_lines=False)
        for column in ("partition", "asset", "state", "rows", "version", "why"):
            table.add_column(column, overflow="fold", no_wrap=column == "version")
        for standing in session.standings(_markets(instruments), *_window(start, end)):
            version = standing.version
            table.add_row(
                str(standing.partition),
                standing.asset,
                f"[{STYLES[standing.state]}]{standing.state}[/]",
                f"{version.n_rows:,}" if version else "",
                version.md5[:12] if version else "",
                escape(standing.why),
            )
        if not table.rows:
            out.print("nothing is recorded: `trading-assets import FILE…`, or `trading-assets simulate`")
            return
        out.print(table)


@app.command("read")
def read(
    asset: Annotated[str, typer.Argument(help="Such as book_features.")],
    partition: Annotated[str, typer.Argument(help="DAY|INSTRUMENT, such as '2024-08-08|BTCUSDT.BINANCE'.")],
    target: Annotated[
        Path, typer.Option("--out", help="A .parquet, .csv or .json file, or - for CSV on the terminal.")
    ],
) -> None:
    """Write one published partition to a file, its bytes verified first.

    trading-assets read raw_trades '2024-08-08|BTCUSDT.BINANCE' --out trades.csv
    """
    from trading_assets.export import write_partition  # noqa: PLC0415 - Polars is not needed for --help
    from trading_assets.orchestration.execute import Warehouse  # noqa: PLC0415 - SQLAlchemy is slow to import

    n_rows = write_partition(Warehouse.open(current_settings()), asset, Partition.parse(partition), target)
    if str(target) != "-":
        out.print(f"{n_rows:,} rows → {target}")


def main() -> None:
    """Run a command; an error that a person can act on is one line."""
    try:
        settings = load_settings(project_root())
        from trading_assets.telemetry.logs import configure_logs  # noqa: PLC0415 - needs the settings

        configure_logs(settings)
        logger.disable("trading_assets.orchestration.execute")  # each command prints its own account of it
        app()
    except TradingAssetsError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(2 if isinstance(error, InvalidIdentifier) else 1)
    except OSError as error:
        err.print(f"[bold red]error:[/] {escape(f'{error.filename or chr(0x2014)}: {error.strerror or error}')}")
        sys.exit(1)


def _session() -> "Session":
    from trading_assets.session import Session  # noqa: PLC0415 - Dagster takes seconds to import

    return Session.open(current_settings())


def _import(session: "Session", paths: list[Path], market: Instrument | None, rules: Any) -> None:  # noqa: ANN401 - imported late
    for imported in session.import_files(paths, instrument=market, rules=rules):
        lines = f"{imported.n_lines:,} lines"
        where = ", ".join(str(partition) for partition in imported.partitions)
        out.print(f"{escape(str(imported.path))}: {lines} → {where}")
        if imported.damage:
            what = escape(f"{imported.path}: {imported.damage}")
            err.print(f"[yellow]warning:[/] {what}; what could be read was kept")
    _publish_captures(session)


def _publish_captures(session: "Session") -> None:
    for report in session.publish_captures():
        for step, error in report.errors.items():
            raise TradingAssetsError(f"{step} of {report.partition}: {error}")
        out.print(f"captures of {report.partition}: published")


def _record(wanted: SimulateSettings, folder: Path) -> list[Path]:
    from trading_assets.sources.simulator.captures import write_captures  # noqa: PLC0415 - numba is slow to import
    from trading_assets.sources.simulator.recording import Recording  # noqa: PLC0415 - see above

    recording = Recording(
        start_day=wanted.start_day,
        days=wanted.days,
        minutes_per_day=wanted.minutes_per_day,
        signal_strength=wanted.signal_strength,
        seed=wanted.seed,
    )
    return write_captures(folder, [Instrument.parse(name) for name in wanted.instruments], recording)


def _simulate(session: "Session", wanted: SimulateSettings) -> None:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - used here alone

    from trading_assets.storage.registry import TickRules  # noqa: PLC0415 - SQLAlchemy is slow to import

    out.print(
        f"simulating {wanted.days} days of {', '.join(wanted.instruments)}, {wanted.minutes_per_day} minutes a day"
    )
    with TemporaryDirectory() as folder:
        paths = _record(wanted, Path(folder))
        _import(session, paths, None, TickRules())


def _run(session: "Session", partitions: list[Partition]) -> bool:
    failed = False
    for n, partition in enumerate(partitions, 1):
        with out.status(f"{n}/{len(partitions)} {partition}"):
            report = session.run(partition)
        prefix = f"{n}/{len(partitions)} {partition}"
        if not report.reasons:
            out.print(f"{prefix}: everything is up to date")
        for step in report.reasons:
            error = report.errors.get(step)
            out.print(f"{prefix}: {step} " + (f"[red]{escape(error)}[/]" if error else "[green]published[/]"))
            failed = failed or error is not None
    return failed


def _print_plan(session: "Session", partitions: list[Partition]) -> None:
    total = 0
    for partition in partitions:
        for step, why in session.pending(partition).items():
            out.print(f"{partition}: {step}: {escape(why)}")
            total += 1
    out.print(f"{total} steps of {len(partitions)} partitions would run")


def _print_worth(session: "Session", partitions: list[Partition]) -> None:
    table = Table(title="what the models are worth on unseen time, against the naive forecast of no change")
    for column in ("model of", "horizon", "learner", "R² vs naive", "95 % interval", "correlation", "rows", "verdict"):
        table.add_column(column, no_wrap=True)
    for partition, document in session.models(partitions):
        for horizon in document.horizons:
            for learner, score in horizon.evaluation.scores.items():
                if learner != "naive":
                    table.add_row(str(partition), f"{horizon.horizon_s:g} s", learner, *_in_cells(score))
    if table.rows:
        out.print(table)


def _in_cells(score: "Score") -> tuple[str, ...]:
    low, high = score.r2_low, score.r2_high
    return (
        _number(score.r2),
        f"{_number(low)} … {_number(high)}",
        _number(score.correlation),
        f"{score.n:,}",
        "[green]better[/]" if score.is_better_than_naive else "not better",
    )


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:+.3f}"


def _markets(names: list[str] | None) -> list[Instrument] | None:
    return [Instrument.parse(name) for name in names] if names else None


def _window(start: str | None, end: str | None) -> tuple[date, date]:
    first = parse_day(start) if start else date.min
    last = parse_day(end) if end else datetime.now(UTC).date()
    if first > last:
        raise InvalidIdentifier(f"--start {first} is after --end {last}")
    return first, last


def _step(option: str, text: str | None) -> Decimal | None:
    try:
        value = Decimal(text) if text is not None else None
    except InvalidOperation:
        value = Decimal("NaN")
    if value is not None and not (value.is_finite() and value > 0):
        raise InvalidIdentifier(f"{option} {text!r}: write a positive number, such as 0.01")
    return value
