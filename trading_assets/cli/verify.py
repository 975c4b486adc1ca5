"""The command that looks whether published bytes are still what they were, and heals them.

Belongs here: what can be asked for, progress, the table of what was found. Does not: looking (storage/verification).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.disk import size
from trading_assets.cli.terminal import complain, out, say, show_table
from trading_assets.cli.work import open_warehouse
from trading_assets.identifiers import parse_day

if TYPE_CHECKING:
    from trading_assets.orchestration.warehouse import Warehouse
    from trading_assets.storage.copies import Copies
    from trading_assets.storage.verification import Finding


@app.command("verify")
def verify(
    since: Annotated[str | None, typer.Option("--since", metavar="DAY", help="What was published since.")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="So many objects, chosen at random.")
    ] = None,
    remotes: Annotated[
        list[str] | None,
        typer.Option("--remote", "-r", metavar="NAME", help="Also in a remote of `dvc remote list`; may be repeated."),
    ] = None,
    heals: Annotated[bool, typer.Option("--repair", help="Replace bad copies by good ones.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Compare every published file with its md5: all of them, what is new, or a few; here, and in remotes.

    All that is here; or a hundred of them each night, in the remote too, healed at once:

        trading-assets verify

        trading-assets verify --sample 100 --remote backup --repair

    What has no good copy anywhere is named and left as it is. Ends with 1 where something is left damaged.
    """
    from trading_assets.storage import verification  # noqa: PLC0415 - SQLAlchemy is slow to import

    house = open_warehouse()
    begin = None if since is None else datetime.combine(parse_day(since), time(), tzinfo=UTC)
    objects = verification.named_objects(house.lake, since=begin, sample=sample)
    found: list[Finding] = []
    n_bytes = 0
    with _places(house, remotes or []) as places, _scratch(house, wanted=heals) as scratch, out.status("") as status:
        looks = zip(objects, verification.verify(objects, places, scratch=scratch), strict=True)
        for n, (each, findings) in enumerate(looks, 1):
            found += findings
            n_bytes += each.n_bytes
            status.update(f"{n:,} of {len(objects):,}, {size(n_bytes)}, {len(found):,} bad")
    _print(found)
    say(
        f"{len(objects):,} objects, {size(n_bytes)}, in {', '.join(place.name for place in places)}: ", *_verdict(found)
    )
    if any(not finding.is_healed for finding in found):
        raise typer.Exit(1)


@contextmanager
def _places(house: "Warehouse", remotes: Sequence[str]) -> Iterator[list["Copies"]]:
    from trading_assets.storage.copies import CacheCopies, RemoteCopies, StoreCopies  # noqa: PLC0415 - see above
    from trading_assets.storage.snapshots.dvc import dvc_repo, remote_objects  # noqa: PLC0415 - see above
    from trading_assets.storage.snapshots.snapshots import Snapshots  # noqa: PLC0415 - see above

    snapshots = Snapshots(house.lake)
    places: list[Copies] = [StoreCopies(house.lake.store), CacheCopies(snapshots.cache)]
    with ExitStack() as stack:
        repo = stack.enter_context(dvc_repo(house.settings.root, snapshots.cache)) if remotes else None
        for remote in remotes:
            name, objects = stack.enter_context(remote_objects(repo, remote))
            complete = snapshots.complete_in(name)
            if not complete:
                complain(
                    "warning", f"no snapshot is complete in {name}, so nothing has to be there: see `snapshot push`"
                )
            places.append(RemoteCopies(f"remote {name}", objects, complete))
        yield places


@contextmanager
def _scratch(house: "Warehouse", *, wanted: bool) -> Iterator[Path | None]:
    if not wanted:
        yield None
        return
    with house.lake.store.staging(f"0-verify-{os.getpid()}") as folder:  # 0: of no ticket
        yield folder


def _print(found: Sequence["Finding"]) -> None:
    columns = ("object", "what", "where", "problem", "a good copy", "healed")
    cells = (
        (each.named.oid, each.named.what, each.place, each.problem, each.good or "none found", _is(each.is_healed))
        for each in found
    )
    show_table("bad copies", columns, cells)


def _is(said: bool) -> str:  # noqa: FBT001 - a cell
    return "yes" if said else "no"


def _verdict(found: Sequence["Finding"]) -> tuple[str, str]:
    n_left = sum(not each.is_healed for each in found)
    if not found:
        return "all good", "green"
    if not n_left:
        return f"{len(found):,} bad copies, all healed", "green"
    can = sum(each.good is not None for each in found if not each.is_healed)
    return f"{n_left:,} bad copies are left, {can:,} of which --repair can heal", "red"
