"""The command that makes a model again and compares.

Belongs here: what can be asked for, progress, and what it ends with. Does not: anything that is made (reproduction).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.terminal import out, say
from trading_assets.cli.work import open_warehouse


@app.command("reproduce")
def reproduce(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's version (its md5, or how that begins), or DAY|INSTRUMENT.")
    ],
    as_recorded: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--as-recorded", help="By the recorded settings and commits, whatever is at hand.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Make it there, and leave it to be looked at.")
    ] = None,
) -> None:
    """Make a model again from the captures, in a place of its own, and compare every file with its md5.

    By what is at hand, which has to be what made it; or years later, by what was recorded then:

        trading-assets reproduce 227be70f55ea

        trading-assets reproduce '2024-08-09|SIMBTC.BINANCE' --as-recorded

    The first difference is named, with the file, the setting or the column. Nothing that stands is touched.
    """
    from trading_assets.reproduction.recipe import find_model  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.reproduction.reproduce import Reproduction  # noqa: PLC0415 - see above
    from trading_assets.storage.database.transactions import query  # noqa: PLC0415 - see above

    house = open_warehouse()
    version = query(house.lake.engine, lambda session: find_model(session, model))
    with _folder(keep) as scratch:
        again = Reproduction(house, scratch, as_recorded)
        makings = again.recipe(version)
        with out.status(""):
            for n, making in enumerate(again.compared(makings), 1):
                said = ", ".join(f"{asset} {each.md5[:12]}" for asset, each in sorted(making.outputs.items()))
                say(f"{n}/{len(makings)} {making.step} of {making.partition}: {said}: ", "equal", "green")
    say(f"model {version.md5} of {version.partition}: ", "reproduced, byte for byte", "green")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix="reproduce-") as folder:
            yield Path(folder)
        return
    keep.mkdir(parents=True)
    yield keep.resolve()
