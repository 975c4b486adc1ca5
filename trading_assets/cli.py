"""`trading-assets`: thin commands, each a call into a stage, that print for people and fail in one line.

Belongs here: arguments, what is shown of results, and how errors end. Does not: any decision about data.
"""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from loguru import logger
from rich.text import Text
from typer.exceptions import TyperException

from trading_assets.errors import InvalidIdentifier, InvalidSettings, TradingAssetsError
from trading_assets.identifiers import MAX_LENGTH, Instrument, Partition, parse_asset, parse_day
from trading_assets.settings import SimulateSettings, current_settings
from trading_assets.terminal import complain, hush, in_one_line, out, say, show_table, visible

if TYPE_CHECKING:
    from trading_assets.models.evaluate import Score
    from trading_assets.orchestration.plan import Standing
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

    Each command shows by example what it does: `trading-assets run --help`.
    """,
)

Instruments = Annotated[
    list[str] | None,
    typer.Option(
        "--instrument",
        "-i",
        metavar="ID",
        help="SYMBOL.VENUE, such as BTCUSDT.BINANCE; may be repeated; all by default.",
    ),
]
Start = Annotated[
    str | None, typer.Option("--start", metavar="DAY", help="First day, YYYY-MM-DD; the first recorded by default.")
]
End = Annotated[
    str | None, typer.Option("--end", metavar="DAY", help="Last day, included; the last recorded by default.")
]
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141
"""What a shell reports of a program that SIGINT or SIGPIPE ended."""
SHOWN_IN_FULL: Final = 1000
STYLES: Final = {
    "published": "green",
    "stale": "yellow",
    "missing": "red",
    "quarantined": "bold red",
    "not expected": "dim",
}


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
    tick_size: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Price step of the venue; inferred by default.")
    ] = None,
    lot_size: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Size step of the venue; inferred by default.")
    ] = None,
) -> None:
    """Import recordings and publish them as `captures`; importing the same file twice changes nothing.

    The venue, the instrument and the day are read from the lines themselves:

        trading-assets import btcusdt_20240808.gz

    Where lines do not say their market, or the venue's steps are known:

        trading-assets import recordings/ -i BTCUSDT.BINANCE_USDM

        trading-assets import recordings/ --tick-size 0.1 --lot-size 0.001

    A file that is refused is named, the others are imported. Hidden files of a folder are passed over.
    """
    from trading_assets.storage.registry import TickRules  # noqa: PLC0415 - SQLAlchemy is slow to import

    market = Instrument.parse(instrument) if instrument is not None else None
    rules = TickRules(_step("--tick-size", tick_size), _step("--lot-size", lot_size))
    with _session() as session:
        if not _import(session, paths, market, rules):
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
    markets = _markets(instruments)
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
        for path in _record(wanted, target):
            say(str(path))
        return
    _ensure_importable(wanted, settings.partitions.start_day)
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

    What would be done, and why:

        trading-assets run --dry-run

    Everything, or a part of it:

        trading-assets run

        trading-assets run -i BTCUSDT.BINANCE --start 2024-08-08 --end 2024-08-09
    """
    markets, window = _markets(instruments), _window(start, end)
    with _session() as session:
        if or_simulate and not session.markets():
            _simulate(session, session.settings.simulate)
        partitions = session.partitions(markets, *window)
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

    All of it, or a part:

        trading-assets status

        trading-assets status -i BTCUSDT.BINANCE --start 2024-08-08
    """
    columns = ("partition", "asset", "state", "rows", "version", "why")
    markets, window = _markets(instruments), _window(start, end)
    with _session() as session:
        standings = session.standings(markets, *window)
        if not show_table("assets by partition", columns, map(_standing_cells, standings)):
            say("nothing is recorded: `trading-assets import FILE…`, or `trading-assets simulate`")


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


def main() -> None:
    """Run a command; an error that a person can act on is one line."""
    sys.exit(_outcome())


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
        complain("error", f"{error.format_message()} (`trading-assets COMMAND --help` shows how)")
        return error.exit_code
    except Exception as error:
        if (line := in_one_line(error)) is None:
            raise
        complain("error", line)
        return 2 if isinstance(error, InvalidIdentifier) else 1
    if code == EXIT_INTERRUPTED:
        complain("interrupted", "what was published stays, and nothing else: run the same command again to go on")
    return int(code or 0)


def _session() -> "Session":
    from trading_assets.session import Session  # noqa: PLC0415 - Dagster takes seconds to import

    return Session.open(current_settings())


def _import(session: "Session", paths: list[Path], market: Instrument | None, rules: Any) -> bool:  # noqa: ANN401 - imported late
    """Import what can be imported and publish it; False where a file was refused or a capture was not published."""
    is_complete = True
    for brought in session.import_files(paths, instrument=market, rules=rules):
        if brought.refusal is not None:
            complain("error", brought.refusal)
            is_complete = False
            continue
        where = ", ".join(str(partition) for partition in brought.partitions)
        say(f"{brought.path}: {brought.n_lines:,} lines → {where}")
        if brought.damage:
            complain("warning", f"{brought.path}: {brought.damage}; what could be read was kept", "yellow")
    return _publish_captures(session) and is_complete


def _publish_captures(session: "Session") -> bool:
    is_complete = True
    for report, is_new in session.publish_captures():
        for error in report.errors.values():
            day = report.partition.day
            again = f"trading-assets run -i {report.partition.instrument} --start {day} --end {day}"
            complain("error", f"captures of {report.partition} was not published: {error}")
            complain("note", f"its imported lines are kept: `{again}` publishes them", "yellow")
            is_complete = False
        if not report.errors:
            say(f"captures of {report.partition}: ", *(("published", "green") if is_new else ("nothing new", "dim")))
    return is_complete


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

    say(f"simulating {wanted.days} days of {', '.join(wanted.instruments)}, {wanted.minutes_per_day} minutes a day")
    with TemporaryDirectory() as folder:
        paths = _record(wanted, Path(folder))
        if not _import(session, paths, None, TickRules()):
            raise typer.Exit(1)


def _ensure_importable(wanted: SimulateSettings, start_day: date) -> None:
    """Say so before hours of simulation rather than after them."""
    last = date.fromordinal(min(wanted.start_day.toordinal() + wanted.days - 1, date.max.toordinal()))
    today = datetime.now(UTC).date()
    if wanted.start_day < start_day or last > today:
        raise InvalidIdentifier(
            f"simulated days from {wanted.start_day} to {last}: they can be from {start_day} "
            f"(partitions.start_day) to {today} (today), or write them elsewhere with --out"
        )


def _run(session: "Session", partitions: list[Partition]) -> bool:
    """Run what is pending, partition by partition; True where a step failed."""
    failed = False
    for n, partition in enumerate(partitions, 1):
        prefix = f"{n}/{len(partitions)} {partition}"
        with out.status(prefix):
            report = session.run(partition)
        if not report.reasons:
            say(f"{prefix}: ", "everything is up to date", "dim")
        for step in report.reasons:
            error = report.errors.get(step)
            say(f"{prefix}: {step}: ", *(("published", "green") if error is None else (error, "red")))
            failed = failed or error is not None
    return failed


def _print_plan(session: "Session", partitions: list[Partition]) -> None:
    total = 0
    for partition in partitions:
        for step, why in session.pending(partition).items():
            say(f"{partition}: {step}: {why}")
            total += 1
    say(f"{total} steps of {len(partitions)} partitions would run")


def _print_worth(session: "Session", partitions: list[Partition]) -> None:
    title = "what the models are worth on unseen time, against the naive forecast of no change"
    columns = ("model of", "horizon", "learner", "R² vs naive", "95 % interval", "correlation", "rows", "verdict")
    rows = [
        (str(partition), f"{horizon.horizon_s:g} s", learner, *_score_cells(score))
        for partition, document in session.models(partitions)
        for horizon in document.horizons
        for learner, score in horizon.evaluation.scores.items()
        if learner != "naive"
    ]
    show_table(title, columns, rows)


def _standing_cells(standing: "Standing") -> tuple[str | Text, ...]:
    version = standing.version
    return (
        str(standing.partition),
        standing.asset,
        Text(standing.state, style=STYLES[standing.state]),
        f"{version.n_rows:,}" if version else "",
        version.md5[:12] if version else "",
        standing.why,
    )


def _score_cells(score: "Score") -> tuple[str | Text, ...]:
    low, high = score.r2_low, score.r2_high
    return (
        _number(score.r2),
        f"{_number(low)} … {_number(high)}",
        _number(score.correlation),
        f"{score.n:,}",
        Text("better", style="green") if score.is_better_than_naive else "not better",
    )


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:+.3f}" if abs(value) < SHOWN_IN_FULL else f"{value:+.1e}"


def _markets(names: list[str] | None) -> list[Instrument] | None:
    return [Instrument.parse(name) for name in dict.fromkeys(names)] if names else None


def _window(start: str | None, end: str | None) -> tuple[date, date]:
    first = date.min if start is None else parse_day(start)
    last = date.max if end is None else parse_day(end)
    if first > last:
        raise InvalidIdentifier(f"--start {first} is after --end {last}")
    return first, last


def _step(option: str, text: str | None) -> Decimal | None:
    from trading_assets.raw.decoding.scale import Step  # noqa: PLC0415 - NumPy is not needed for --help

    if text is None:
        return None
    try:
        size = Decimal(text)
        Step.of(size)
    except (ArithmeticError, InvalidSettings):
        shown = ascii(visible(text, limit=MAX_LENGTH))
        raise InvalidIdentifier(
            f"{option} {shown}: write a positive number of at most 8 decimals, such as 0.01"
        ) from None
    return size
