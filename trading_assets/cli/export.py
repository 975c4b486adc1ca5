"""The command that writes a partition for another library.

Belongs here: what is asked for, where it goes. Does not: any format (exporting).
"""

from pathlib import Path
from typing import Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.terminal import say
from trading_assets.identifiers import Partition
from trading_assets.settings import current_settings


@app.command("export")
def export(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="hftbacktest or nautilus.")],
    partition: Annotated[str, typer.Argument(metavar="PARTITION", help="DAY|INSTRUMENT, as `status` shows it.")],
    target: Annotated[
        Path, typer.Option("--out", metavar="PATH", help="A .npz file for hftbacktest, a folder for nautilus.")
    ],
) -> None:
    """Write books and trades of a published partition for a backtest of another library, the bytes verified first.

    For hftbacktest, a file of events:

        trading-assets export hftbacktest '2024-08-08|BTCUSDT.BINANCE' --out btc.npz

    For NautilusTrader, into a Parquet catalogue, which may hold other days already:

        trading-assets export nautilus '2024-08-08|BTCUSDT.BINANCE' --out catalog
    """
    from trading_assets.exporting.partition import export_partition  # noqa: PLC0415 - PyArrow is not needed for --help
    from trading_assets.orchestration.warehouse import Warehouse  # noqa: PLC0415 - SQLAlchemy is slow to import

    wanted = Partition.parse(partition)
    say(export_partition(Warehouse.open(current_settings()), form, wanted, target))
