"""The commands of the catalogue's database: upgrade it, look at it, back it up, and have it back.

Belongs here: what can be asked for, and the help that teaches it.
Does not: anything that is done (storage/database, storage/backups, health).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.disk import size
from trading_assets.cli.terminal import complain, say, show_table
from trading_assets.errors import CatalogFailed
from trading_assets.settings import current_settings

if TYPE_CHECKING:
    from trading_assets.health.check import Health, Server

db = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""The catalogue's database: upgrade it, look whether it is well, back it up, and have it back.

    Each command works on the catalogue that `catalog.url` names, or for once another:

        TRADING_ASSETS_CATALOG__URL='postgresql+psycopg://owner@db.example.org/trading' trading-assets db check
    """,
)
app.add_typer(db, name="db")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, such as catalog.zip.")]


@db.command("upgrade")
def upgrade() -> None:
    """Bring the catalogue to the newest schema, or make it; killed half-way it is as it was.

    A file is upgraded by every command. On Postgres only this command changes tables, as the role that owns them:

        TRADING_ASSETS_CATALOG__URL='postgresql+psycopg://owner@db.example.org/trading' trading-assets db upgrade

    The password goes into `~/.pgpass`, where no list of processes shows it. Make a backup first (`db backup`).
    """
    from trading_assets.health.check import place_of  # noqa: PLC0415 - see above
    from trading_assets.storage.database.engines import open_engine  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.database.migrate import upgrade_catalog  # noqa: PLC0415 - see above
    from trading_assets.storage.database.schema import found_schema  # noqa: PLC0415 - see above

    settings = current_settings()
    engine = open_engine(settings)
    before = found_schema(engine)
    upgrade_catalog(engine, settings.root / "migrations")
    after = found_schema(engine)
    what = f"schema {before} is the newest" if before == after else f"schema {before or 'none'} → {after}"
    say(f"{place_of(settings)}: ", what, "dim" if before == after else "green")


@db.command("check")
def check() -> None:
    """Say where the catalogue is, which schema it has, and whether its tables and servers are as they should be.

    Ends with 1 where something is wrong, so a monitor can ask it:

        trading-assets db check

    The files that the catalogue names are not looked at: that is `trading-assets verify`.
    """
    from trading_assets.health.check import check_health  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.database.schema import SCHEMA  # noqa: PLC0415 - see above

    found = check_health(current_settings())
    say(f"catalogue: {found.place}")
    say(f"schema: {found.revision or 'none'}, this code's is {SCHEMA}")
    if found.servers:
        say(f"roles: {', '.join(found.roles) or 'none'}")
    cells = (_server_cells(found, each) for each in found.servers)
    show_table("servers", ("server", "is", "session", "behind", "newest change"), cells)
    for fault in found.faults:
        complain("error", fault)
    if found.faults:
        raise typer.Exit(1)
    say("", "all good", "green")


@db.command("backup")
def backup(
    file: File,
    is_forced: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Write the whole catalogue, as it is at one moment, into a file; whoever publishes goes on meanwhile.

    First the catalogue, then the files that it names, which only ever become more:

        trading-assets db backup /backups/catalog.zip && rsync -a var/lake/store/ /backups/store/

    The file fits every database: a backup of SQLite can be restored into Postgres. It is never there by half.
    """
    from trading_assets.health.check import is_made, place_of  # noqa: PLC0415 - see above
    from trading_assets.storage.backups.backup import back_up  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.database.engines import open_engine  # noqa: PLC0415 - see above

    settings = current_settings()
    if not is_made(settings):
        raise CatalogFailed(f"there is no catalogue at {place_of(settings)}: nothing to back up")
    made = back_up(open_engine(settings), file, environment=settings.environment, is_forced=is_forced)
    told = f"{len(made.tables)} tables, {made.n_rows:,} rows of schema {made.revision}, {size(file.stat().st_size)}"
    say(f"{file}: {told}, as of {made.taken_at:%Y-%m-%d %H:%M:%S} UTC")


@db.command("restore")
def restore(file: File) -> None:
    """Fill an empty catalogue from a backup, on the same kind of database or another; as the owner of its tables.

    A file that was lost:

        trading-assets db restore /backups/catalog.zip && trading-assets verify

    From a laptop's file to a team's Postgres:

        export TRADING_ASSETS_CATALOG__URL='postgresql+psycopg://owner@db.example.org/trading'

        trading-assets db restore catalog.zip

    Every row is compared with the backup before it counts; killed half-way, the catalogue stays empty.
    """
    from trading_assets.health.check import place_of  # noqa: PLC0415 - see above
    from trading_assets.storage.backups.restore import restore as restore_from  # noqa: PLC0415 - see above
    from trading_assets.storage.database.engines import open_engine  # noqa: PLC0415 - SQLAlchemy is slow to import

    settings = current_settings()
    made = restore_from(open_engine(settings), file, settings.root / "migrations")
    say(
        f"{place_of(settings)}: {made.n_rows:,} rows in {len(made.tables)} tables, as of ", f"{made.taken_at:%F %T} UTC"
    )
    if made.environment != settings.environment:
        complain("note", f"the backup is of {made.environment}, and this is {settings.environment}", "yellow")
    say("now compare the files that it names with their md5: trading-assets verify")
    say("where it takes the place of another catalogue of this lake: trading-assets db adopt")


@db.command("adopt")
def adopt() -> None:
    """Make the lake this catalogue's, after it took the place of another one.

    A lake has one catalogue, which alone may publish into it and remove from it: the first that published. After a move
    to a server, or to another one:

        trading-assets db restore catalog.zip && trading-assets db adopt

    From then on the catalogue before can publish nothing there any more.
    """
    from trading_assets.health.check import is_made, place_of  # noqa: PLC0415 - see above
    from trading_assets.storage import ownership  # noqa: PLC0415 - see above
    from trading_assets.storage.database.engines import open_engine  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.database.transactions import query  # noqa: PLC0415 - see above

    settings = current_settings()
    if not is_made(settings):
        raise CatalogFailed(f"there is no catalogue at {place_of(settings)}: nothing that could have a lake")
    root = settings.path(settings.lake.root)
    name = query(open_engine(settings), lambda session: ownership.name_of(session.connection(), root))
    before = ownership.adopt(root, name)
    what = "was so before" if before == name else f"was that of {before}" if before else "was nobody's"
    say(f"{root} is the lake of {name}: ", what, "dim" if before == name else "green")


def _server_cells(found: "Health", server: "Server") -> tuple[str, ...]:
    if server.error:
        return server.name, "not reached", "—", "—", "—"
    if not server.follows:
        return server.name, "primary", server.session, "—", "—"
    behind = found.behind(server)
    age = "—" if server.age_s is None or not behind else f"{server.age_s:,.1f} s ago"
    return server.name, "standby", server.session, "—" if behind is None else size(behind), age
