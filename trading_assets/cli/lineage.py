"""The command that shows where a version came from.

Belongs here: the tree, as people read it. Does not: following what was recorded (storage/lineage).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.tree import Tree

from trading_assets.cli.app import app
from trading_assets.cli.terminal import out, visible
from trading_assets.cli.work import open_warehouse
from trading_assets.identifiers import Partition, parse_asset

if TYPE_CHECKING:
    from trading_assets.storage.records import Version

Versions = Mapping[tuple[str, str], "Version"]


@app.command("lineage")
def lineage(
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Such as forecasts.")],
    partition: Annotated[
        str, typer.Argument(metavar="PARTITION", help="DAY|INSTRUMENT, such as '2024-08-08|BTCUSDT.BINANCE'.")
    ],
) -> None:
    """Show what a partition was made of, and what that was made of, back to the captures: each with its md5.

        trading-assets lineage forecasts '2024-08-09|BTCUSDT.BINANCE'

    What was shown already is not followed again.
    """
    from trading_assets.lacking import standing  # noqa: PLC0415 - SQLAlchemy is slow to import
    from trading_assets.storage.database.transactions import query  # noqa: PLC0415 - see above
    from trading_assets.storage.lineage import origins_of  # noqa: PLC0415 - see above

    house = open_warehouse()
    version = standing(parse_asset(asset), Partition.parse(partition), house)
    known = query(house.lake.engine, lambda session: origins_of(session, version))
    tree = Tree(_named(version))
    _grow(tree, version, known, {(version.asset, version.md5)})
    out.print(tree, soft_wrap=True)


def _grow(tree: Tree, version: "Version", known: Versions, shown: set[tuple[str, str]]) -> None:
    for asset, day, md5 in version.inputs:
        key = asset, md5
        if key not in known:
            tree.add(f"{asset} {day} {md5}: not in the history")
        elif key in shown:
            tree.add(f"{asset} {day} {md5}, as above")
        else:
            shown.add(key)
            _grow(tree.add(_named(known[key])), known[key], known, shown)


def _named(version: "Version") -> str:
    made = f"code version {version.code_version}, settings {version.settings_digest[:8]}"
    return visible(
        f"{version.asset} {version.partition} {version.md5} ({made}, {version.published_at:%Y-%m-%d %H:%M} UTC)"
    )
