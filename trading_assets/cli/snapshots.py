"""The commands of snapshots: name what stands, compare two moments, and have one of them back.

Belongs here: what can be asked for, and the help that teaches it. Does not: anything that is done (storage/snapshots).
"""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from trading_assets.cli.app import app
from trading_assets.cli.disk import size
from trading_assets.cli.terminal import out, say, show_table
from trading_assets.cli.work import open_warehouse

if TYPE_CHECKING:
    from trading_assets.storage.snapshots.checkout import Workspace
    from trading_assets.storage.snapshots.remotes import Remotes
    from trading_assets.storage.snapshots.snapshots import Change, Snapshots

snapshot = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Everything that stands at one moment, under a name: take it, compare it, copy it elsewhere, have it back.",
)
app.add_typer(snapshot, name="snapshot")

SHOWN: Final = 50
"""Changes that are named before the rest is only counted."""

NAMED: Final = 5
"""Columns that are named of one change."""

Name = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A name of `snapshot list`, or `latest`.")]
Remote = Annotated[
    str | None, typer.Option("--remote", "-r", metavar="NAME", help="A remote of `dvc remote list`; else the default.")
]


@snapshot.command("create")
def create(
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Else the moment, in UTC.")] = None,
    is_committed: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--commit", help="Also commit its text, `data.dvc`, to git: `dvc get --rev` finds it there.")
    ] = False,
) -> None:
    """Name everything that stands now. Nothing is copied; where nothing changed since the newest, that one is meant.

    Now, or under a name of yours, which git shall know too:

        trading-assets snapshot create

        trading-assets snapshot create --name before-the-upgrade --commit
    """
    from trading_assets.storage.upkeep.audit import operating_user  # noqa: PLC0415 - SQLAlchemy is slow to import

    taken = _snapshots().take(actor=operating_user(), name=name)
    say(f"{taken.name}: {taken.n_partitions:,} partitions, {size(taken.n_bytes)}")
    if is_committed:
        say(f"committed as {_workspace().commit(taken)[:12]}")


@snapshot.command("list")
def list_() -> None:
    """List all snapshots, the newest first, and the remotes that have all of each.

    Those that no remote has whole are for you to push:

        trading-assets snapshot list
    """
    cells = (
        (
            *(each.name, f"{each.taken_at:%Y-%m-%d %H:%M:%S}", each.taken_by),
            *(f"{each.n_partitions:,}", size(each.n_bytes), ", ".join(sorted(each.copies)) or "—"),
        )
        for each in _snapshots().all()
    )
    if not show_table("snapshots", ("name", "taken (UTC)", "by", "partitions", "bytes", "complete in"), cells):
        say("there is none yet: make one with `trading-assets snapshot create`")


@snapshot.command("show")
def show(
    name: Name,
    is_text: Annotated[bool, typer.Option("--text", help="Only its text, as `data.dvc` has it.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Show what a snapshot names, by asset; or its text.

    In short, or as DVC reads it:

        trading-assets snapshot show latest

        trading-assets snapshot show latest --text > data.dvc
    """
    found = _snapshots().find(name)
    if is_text:
        out.print(found.text, end="", soft_wrap=True)
        return
    say(f"{found.name}: taken {found.taken_at:%Y-%m-%d %H:%M:%S} UTC by {found.taken_by}")
    cells = ((each.asset, f"{each.n_files:,}", size(each.n_bytes), each.tree) for each in found.outs)
    show_table("assets", ("asset", "partitions", "bytes", "md5 of the list of files"), cells)
    where = [f"{remote} since {moment:%Y-%m-%d %H:%M:%S} UTC" for remote, moment in sorted(found.copies.items())]
    say(f"complete in: {', '.join(where) or 'no remote'}")


@snapshot.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The one snapshot.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The other.")] = "latest",
    everything: Annotated[bool, typer.Option("--all", help="Name every change, however many.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Say which partitions two snapshots differ in, with their rows and columns in either.

    What the upgrade changed:

        trading-assets snapshot diff before-the-upgrade latest
    """
    snapshots = _snapshots()
    changes = snapshots.changes(snapshots.find(before), snapshots.find(after))
    shown = changes if everything else changes[:SHOWN]
    columns = ("asset", "partition", "what", "rows in A", "rows in B", "columns")
    if not show_table("differences", columns, (_change_cells(snapshots, each) for each in shown)):
        say("they name the same versions")
    if len(changes) > len(shown):
        say(f"and {len(changes) - len(shown):,} others: --all names them")


@snapshot.command("checkout")
def checkout(
    name: Name,
    is_forced: Annotated[bool, typer.Option("--force", "-f", help="Replace files that were changed there.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Put copies of a snapshot's files into `data/ASSET/DAY/INSTRUMENT.parquet`, and its text into `data.dvc`.

    The newest, and DVC's word for it:

        trading-assets snapshot checkout latest && dvc status data.dvc

    Whatever is done to the copies, the lake keeps its own.
    """
    found = _snapshots().find(name)
    folder = _workspace().check_out(found, is_forced=is_forced)
    say(f"{found.name}: {found.n_partitions:,} files in {folder}")


@snapshot.command("push")
def push(name: Name, remote: Remote = None) -> None:
    """Copy all of a snapshot to a remote; it counts as complete there once every object was seen there.

    Remotes are DVC's: a folder, S3 and what is like it, and whatever else DVC knows.

        dvc remote add --default backup s3://bucket/path

        trading-assets snapshot push latest
    """
    found = _snapshots().find(name)
    moved = _remotes().push(found, remote)
    say(f"{found.name}: complete in {moved.remote}: {moved.n_objects:,} objects, {moved.n_moved:,} of them new there")


@snapshot.command("pull")
def pull(name: Name, remote: Remote = None) -> None:
    """Bring back from a remote what is missing here of a snapshot, each file's bytes compared with its name.

    After a disk was lost:

        trading-assets snapshot pull before-the-upgrade --remote backup
    """
    found = _snapshots().find(name)
    moved = _remotes().pull(found, remote)
    say(f"{found.name}: complete here: {moved.n_objects:,} objects, {moved.n_moved:,} of them from {moved.remote}")


def _snapshots() -> "Snapshots":
    from trading_assets.storage.snapshots.snapshots import Snapshots  # noqa: PLC0415 - SQLAlchemy is slow to import

    return Snapshots(open_warehouse().lake)


def _workspace() -> "Workspace":
    from trading_assets.settings import current_settings  # noqa: PLC0415 - see above
    from trading_assets.storage.snapshots.checkout import Workspace  # noqa: PLC0415 - see above

    return Workspace(current_settings().root, _snapshots())


def _remotes() -> "Remotes":
    from trading_assets.settings import current_settings  # noqa: PLC0415 - see above
    from trading_assets.storage.snapshots.remotes import Remotes  # noqa: PLC0415 - see above

    return Remotes(current_settings().root, _snapshots())


def _change_cells(snapshots: "Snapshots", change: "Change") -> tuple[str, ...]:
    what = "changed" if change.before and change.after else "only in B" if change.after else "only in A"
    rows = (f"{entry.n_rows:,}" if entry else "—" for entry in (change.before, change.after))
    return change.asset, change.path, what, *rows, _columns_differ(snapshots, change)


def _columns_differ(snapshots: "Snapshots", change: "Change") -> str:
    if change.before is None or change.after is None or not change.path.endswith(".parquet"):
        return "—"
    from trading_assets.comparison.columns import columns_apart  # noqa: PLC0415 - Polars is slow to import

    paths = [snapshots.lake.store.object_path(entry.md5) for entry in (change.before, change.after)]
    if not all(path.exists() for path in paths):
        return "not here"
    return _in_short(columns_apart(*paths))


def _in_short(names: list[str]) -> str:
    """Name a few columns, and count the others."""
    more = f" and {len(names) - NAMED} others" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) + more) or "same values"
