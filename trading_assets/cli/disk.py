"""The commands about room on disk: what is used, and removing what retention no longer keeps.

Belongs here: arguments, tables and questions.
Does not: measuring (storage/upkeep/usage) and removing (orchestration/upkeep/tidy).
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trading_assets.cli.app import app
from trading_assets.cli.terminal import complain, out, say, show_table
from trading_assets.cli.work import open_session, open_warehouse
from trading_assets.errors import TradingAssetsError

if TYPE_CHECKING:
    from trading_assets.storage.upkeep.retention import Removable
    from trading_assets.storage.upkeep.usage import DiskUse

KIB: Final = 1024
SHOWN: Final = 20
"""How many things of a kind are named before the rest is only counted."""


@app.command("disk")
def disk(as_json: Annotated[bool, typer.Option("--json", help="As JSON, in bytes.")] = False) -> None:  # noqa: FBT002 - a flag
    """Show what lies on disk: by asset, and by folder.

    As tables, or for a program:

        trading-assets disk

        trading-assets disk --json
    """
    from trading_assets.storage.upkeep.usage import disk_use  # noqa: PLC0415 - SQLAlchemy is slow to import

    with open_session() as session:
        found = disk_use(session.settings, session.warehouse.lake)
    if as_json:
        out.print(json.dumps(_as_values(found), indent=2), soft_wrap=True)
        return
    _print_use(found)


@app.command("tidy")
def tidy(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")] = False,  # noqa: FBT002 - a flag
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Remove what the section `retention` of the settings no longer keeps; by default it keeps everything.

    What would go, then let it go:

        trading-assets tidy --dry-run

        trading-assets tidy

    What stands, and what it was made from, is never removed. Each removal is in `trading-assets audit`.
    """
    from trading_assets.orchestration.upkeep import tidy as tidying  # noqa: PLC0415 - Dagster is slow to import
    from trading_assets.storage.upkeep.audit import operating_user  # noqa: PLC0415 - SQLAlchemy is slow to import

    now = datetime.now(UTC)
    with open_session() as session:
        chosen = tidying.due(session.warehouse, session.instance, now)
        _print_due(chosen, nothing="nothing is due: `retention` in settings.toml says after how many days what may go")
        if dry_run or not chosen or not _is_wanted(chosen, yes=yes):
            return
        gone = tidying.tidy(session.warehouse, session.instance, chosen, now, actor=operating_user())
    say(f"removed {len(gone):,} things, {size(sum(each.n_bytes for each in gone))}")


@app.command("gc")
def gc(
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=0, help="Only what was superseded or left so long ago.")
    ] = 7,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")] = False,  # noqa: FBT002 - a flag
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Remove objects of the store that nothing refers to: no partition, no snapshot, no model, no step that runs.

    Now, whatever the section `retention` of the settings keeps for longer:

        trading-assets gc --days 0 --dry-run

        trading-assets gc --days 0

    Each removal is in `trading-assets audit`. `tidy` does the same by the settings, for refused files and runs as well.
    """
    from trading_assets.storage.upkeep.audit import operating_user  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.upkeep.retention import removable_objects, remove_objects  # noqa: PLC0415 - see above

    before, lake = datetime.now(UTC) - timedelta(days=days), open_warehouse().lake
    chosen = removable_objects(lake, before)
    _print_due(chosen, nothing=f"nothing is due: all that is older than {days:,} days is referred to")
    if dry_run or not chosen or not _is_wanted(chosen, yes=yes):
        return
    gone = remove_objects(lake, chosen, before, actor=operating_user())
    say(f"removed {len(gone):,} objects, {size(sum(each.n_bytes for each in gone))}")


def size(n_bytes: int) -> str:
    """Write bytes as people read them, in powers of 1024."""
    amount, unit = float(n_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < KIB:
            break
        amount, unit = amount / KIB, larger
    return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"


def _print_use(found: "DiskUse") -> None:
    total = max(found.total_bytes, 1)
    show_table(
        "assets",
        ("asset", "partitions", "standing", "made from", "superseded", "all"),
        [
            (
                each.asset,
                f"{each.n_standing:,}",
                *map(size, (each.standing_bytes, each.origin_bytes, each.superseded_bytes, each.total_bytes)),
            )
            for each in found.assets
        ],
    )
    show_table(
        "folders",
        ("what", "files", "bytes", "share", "where"),
        [
            (each.name, f"{each.n_files:,}", size(each.n_bytes), f"{each.n_bytes / total:.1%}", str(each.path))
            for each in found.places
        ],
    )
    say(f"{size(found.total_bytes)} in all, {size(found.free_bytes)} free on the file system")
    say(f"in the store, of experiments or left by crashes: {size(found.unreferenced_bytes)}")


def _as_values(found: "DiskUse") -> dict[str, Any]:
    values = asdict(found) | {"total_bytes": found.total_bytes}
    values["places"] = [place | {"path": str(place["path"])} for place in values["places"]]
    return values


def _print_due(chosen: Sequence["Removable"], *, nothing: str) -> None:
    if not chosen:
        say(nothing)
        return
    for kind in dict.fromkeys(each.kind for each in chosen):
        of_kind = [each for each in chosen if each.kind == kind]
        title = f"{kind}s: {len(of_kind):,}, {size(sum(each.n_bytes for each in of_kind))}"
        show_table(title, (kind, "what", "bytes"), [(e.name, e.what, size(e.n_bytes)) for e in of_kind[:SHOWN]])
        if len(of_kind) > SHOWN:
            say(f"and {len(of_kind) - SHOWN:,} other {kind}s")


def _is_wanted(chosen: Sequence["Removable"], *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise TradingAssetsError("no person is at the terminal: add --yes to remove what is listed")
    if typer.prompt(f"type {len(chosen)} to remove them", default="", show_default=False).strip() == str(len(chosen)):
        return True
    complain("nothing done", "it was not confirmed", "yellow")
    raise typer.Exit(1)
