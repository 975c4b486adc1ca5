"""What commands do, told line by line as it is done.

Belongs here: importing, simulating and running with progress. Does not: any decision about data (session, plan).
"""

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from trading_assets.cli.terminal import complain, out, say
from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import Instrument, Partition
from trading_assets.sections import SimulateSettings
from trading_assets.settings import current_settings

if TYPE_CHECKING:
    from trading_assets.look import Look
    from trading_assets.orchestration.warehouse import Warehouse
    from trading_assets.session import Session


def open_session() -> "Session":
    """Open the project; Dagster is imported here and not before."""
    from trading_assets.session import Session  # noqa: PLC0415 - Dagster takes seconds to import

    return Session.open(current_settings())


def open_warehouse() -> "Warehouse":
    """Open the lake and its catalogue, without Dagster; a file that is missing or older is made or upgraded."""
    from trading_assets.orchestration.warehouse import Warehouse  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.database.schema import is_ready  # noqa: PLC0415 - see above

    settings = current_settings()
    house = Warehouse.open(settings)
    if not is_ready(house.lake.engine):
        from trading_assets.orchestration.bootstrap import prepare  # noqa: PLC0415 - Dagster takes seconds

        prepare(settings)
    return house


def open_look() -> "Look":
    """Open the project only to look at it: quickly, and nothing is repaired."""
    from trading_assets.look import Look  # noqa: PLC0415 - SQLAlchemy is slow to import

    return Look.open(current_settings())


def import_files(
    session: "Session",
    paths: list[Path],
    market: Instrument | None,
    rules: Any,  # noqa: ANN401 - imported late
    said_format: str | None = None,
    venue: str | None = None,
) -> bool:
    """Import what can be imported and publish it; False where a file was refused or a capture was not published."""
    is_complete = True
    for brought in session.import_files(paths, instrument=market, rules=rules, said_format=said_format, venue=venue):
        if brought.refusal is not None:
            complain("error", brought.refusal)
            is_complete = False
            continue
        where = ", ".join(str(partition) for partition in brought.partitions)
        name = _short(brought.path, paths)
        say(f"{name}: {brought.source}: {brought.n_lines:,} lines → {where}")
        for note in ([f"has no {', no '.join(brought.lacks)}"] if brought.lacks else []) + list(brought.notes):
            say("  ", note, "yellow")
        if brought.damage:
            complain("warning", f"{name}: {brought.damage}; what could be read was kept", "yellow")
    return publish_captures(session) and is_complete


def _short(path: Path, named: list[Path]) -> str:
    """Name a file by itself, or from within the folder that was named: whoever named it knows where that is."""
    folder = next((each for each in named if each in path.parents), path.parent)
    return str(path.relative_to(folder))


def publish_captures(session: "Session") -> bool:
    """Publish what was imported; False where a capture was not published: its lines are kept."""
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


def record(wanted: SimulateSettings, folder: Path) -> list[Path]:
    """Write recordings of the simulated exchange into a folder."""
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


def simulate_and_import(session: "Session", wanted: SimulateSettings) -> None:
    """Record the simulated exchange and publish its captures."""
    from trading_assets.storage.registry import TickRules  # noqa: PLC0415 - SQLAlchemy is slow to import

    say(f"simulating {wanted.days} days of {', '.join(wanted.instruments)}, {wanted.minutes_per_day} minutes a day")
    with TemporaryDirectory() as folder:
        paths = record(wanted, Path(folder))
        if not import_files(session, paths, None, TickRules()):
            raise typer.Exit(1)


def ensure_importable(wanted: SimulateSettings, start_day: date) -> None:
    """Say so before hours of simulation rather than after them."""
    last = date.fromordinal(min(wanted.start_day.toordinal() + wanted.days - 1, date.max.toordinal()))
    today = datetime.now(UTC).date()
    if wanted.start_day < start_day or last > today:
        raise InvalidIdentifier(
            f"simulated days from {wanted.start_day} to {last}: they can be from {start_day} "
            f"(partitions.start_day) to {today} (today), or write them elsewhere with --out"
        )


def run_all(session: "Session", partitions: list[Partition]) -> bool:
    """Run what is pending, partition by partition; True where a step failed."""
    failed = False
    for n, partition in enumerate(partitions, 1):
        prefix = f"{n}/{len(partitions)} {partition}"
        with out.status(prefix):
            report = session.run(partition)
        if not report.reasons:
            say(f"{prefix}: ", "everything is up to date", "dim")
        for step in report.reasons:
            if step in report.not_expected:
                say(f"{prefix}: {step}: ", f"not expected: {report.not_expected[step]}", "dim")
                continue
            error = report.errors.get(step)
            say(f"{prefix}: {step}: ", *(("published", "green") if error is None else (error, "red")))
            failed = failed or error is not None
    return failed
