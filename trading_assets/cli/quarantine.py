"""The commands of the quarantine: what was refused and why, beside what stands, and what a person decides about it.

Belongs here: what can be asked for, and the help that teaches it.
Does not: finding and deciding (both modules upkeep/quarantine), showing it (quarantine_tables).
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli.app import End, Instruments, Start, app
from trading_assets.cli.arguments import parse_markets, parse_ticket, parse_window
from trading_assets.cli.quarantine_tables import COLUMNS, print_comparison, print_refused, refused_cells
from trading_assets.cli.terminal import complain, say, show_table
from trading_assets.cli.work import open_session
from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Partition, parse_asset

if TYPE_CHECKING:
    from trading_assets.storage.lake import Lake
    from trading_assets.storage.upkeep.quarantine import Quarantine, Refused

quarantine = typer.Typer(
    no_args_is_help=True,
    help="What gates refused: list it, look at it beside what stands, accept it with a reason, or drop it.",
)
app.add_typer(quarantine, name="quarantine")

What = Annotated[str, typer.Argument(metavar="TICKET | ASSET", help="A ticket of `list`, or an asset's name.")]
OfPartition = Annotated[
    str | None,
    typer.Argument(metavar="[PARTITION]", help="After an asset: DAY|INSTRUMENT; its newest refusal is meant."),
]
Ticket = Annotated[str, typer.Argument(metavar="TICKET", help="As `trading-assets quarantine list` shows it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@quarantine.command("list")
def list_(
    instruments: Instruments = None,
    start: Start = None,
    end: End = None,
    asset: Annotated[str | None, typer.Option("--asset", "-a", metavar="NAME", help="Only this asset.")] = None,
    everything: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all", help="Also what was overtaken by a later attempt, accepted or dropped.")
    ] = False,
) -> None:
    """List what waits for a person's decision, oldest first.

    All of it, or a part:

        trading-assets quarantine list

        trading-assets quarantine list -i BTCUSDT.BINANCE --asset raw_trades --all
    """
    markets, window = parse_markets(instruments), parse_window(start, end)
    names = None if asset is None else [parse_asset(asset)]
    with open_session() as session:
        tended = _quarantine(session.warehouse.lake)
        found = tended.find(assets=names, instruments=markets, days=window)
        chosen = [each for each in found if everything or each.state == "waiting"]
        failed = tended.failed_rules(chosen)
        shown = show_table("refused", COLUMNS, (refused_cells(each, failed[each.subject]) for each in chosen))
    if not shown:
        hidden = len(found) - len(chosen)
        say(f"nothing waits; --all shows {hidden} more" if hidden else "nothing was refused")


@quarantine.command("show")
def show(what: What, partition: OfPartition = None) -> None:
    """Show every rule that judged a refused file, the failed ones first, and where the file lies.

    By ticket, or the newest of a partition:

        trading-assets quarantine show 17

        trading-assets quarantine show raw_trades '2024-08-08|BTCUSDT.BINANCE'
    """
    with open_session() as session:
        tended = _quarantine(session.warehouse.lake)
        for each in _chosen(tended, what, partition):
            print_refused(each, tended.judgements(each), tended.offenders(each))


@quarantine.command("diff")
def diff(
    what: What,
    partition: OfPartition = None,
    rows: Annotated[int, typer.Option(min=0, max=1000, help="How many unlike rows or values are shown.")] = 5,
    columns: Annotated[int, typer.Option(min=1, max=10_000, help="How many unlike columns are shown.")] = 10,
) -> None:
    """Lay a refused file beside the version that stands: columns, values, and the first rows that are not alike.

    Rows are paired by the table's id or clock. Of captures lines are counted, of models the values compared:

        trading-assets quarantine diff 17

        trading-assets quarantine diff raw_trades '2024-08-08|BTCUSDT.BINANCE' --rows 20
    """
    from trading_assets.comparison.files import compare  # noqa: PLC0415 - Polars is not needed for --help

    with open_session() as session:
        lake = session.warehouse.lake
        for each in _chosen(_quarantine(lake), what, partition):
            standing = lake.store.object_path(each.standing.md5) if each.standing else None
            refused = lake.store.object_path(each.md5) if each.state == "accepted" else each.path
            found = compare(refused, standing, each.suffix, settings=session.settings.captures, limit=rows)
            print_comparison(each, found, limit=rows, columns=columns)


@quarantine.command("accept")
def accept(
    ticket: Ticket,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why it may be published; kept.")] = "",
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Publish what was refused with a ticket, on your word: all outputs of its step, as they were judged.

    The judgements stay as they were, and your account's name and the reason stay beside them:

        trading-assets quarantine accept 17 --reason "the venue confirms that it halted trading"

    It is refused where the partition was attempted again since, or where what it was made from, by or with has
    changed: then run it again, and look at what is refused then.
    """
    from trading_assets.definitions import STEPS  # noqa: PLC0415 - Dagster is slow to import
    from trading_assets.orchestration.upkeep import quarantine as deciding  # noqa: PLC0415 - see above
    from trading_assets.storage.upkeep.audit import operating_user  # noqa: PLC0415 - SQLAlchemy is slow to import

    number = parse_ticket(ticket)
    with open_session() as session:
        deciding.ensure_said(reason)
        tended = _quarantine(session.warehouse.lake)
        _confirm("publish", number, tended, yes=yes)
        versions = deciding.accept(number, STEPS, session.warehouse, actor=operating_user(), reason=reason)
    for asset, version in versions.items():
        say(f"{asset} of {version.partition}: ", "published", "green")
    say("`trading-assets run` makes what reads it")


@quarantine.command("drop")
def drop(
    ticket: Ticket,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; kept.")] = "",
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Remove from disk what was refused with a ticket; that it was refused, and why, stays known.

    Dropping twice changes nothing:

        trading-assets quarantine drop 17 --reason "a broken disk, recorded again"
    """
    from trading_assets.storage.upkeep.audit import operating_user  # noqa: PLC0415 - SQLAlchemy is slow to import

    number = parse_ticket(ticket)
    with open_session() as session:
        tended = _quarantine(session.warehouse.lake)
        _confirm("remove", number, tended, yes=yes)
        dropped = tended.drop(number, actor=operating_user(), reason=reason.strip())
    for each in dropped:
        say(f"{each.asset} of {each.partition}: ", "dropped", "dim")


def _quarantine(lake: "Lake") -> "Quarantine":
    from trading_assets.storage.upkeep.quarantine import Quarantine  # noqa: PLC0415 - SQLAlchemy is slow to import

    return Quarantine(lake)


def _chosen(tended: "Quarantine", what: str, partition: str | None) -> list["Refused"]:
    if partition is None:
        return tended.of_ticket(parse_ticket(what))
    return [tended.newest(parse_asset(what), Partition.parse(partition))]


def _confirm(deed: str, ticket: int, tended: "Quarantine", *, yes: bool) -> None:
    """Let a person at a terminal type the ticket's number, after having seen what it is about."""
    found = tended.of_ticket(ticket)
    say(f"ticket {ticket}, {', '.join(each.asset for each in found)} of {found[0].partition}: {found[0].reason}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise TradingAssetsError(f"no person is at the terminal: add --yes to {deed} ticket {ticket}")
    if typer.prompt(f"type {ticket} to {deed} it", default="", show_default=False).strip() != str(ticket):
        complain("nothing done", f"ticket {ticket} was not confirmed", "yellow")
        raise typer.Exit(1)
