"""The command that writes the report.

Belongs here: what can be asked for, progress, where it goes. Does not: what it says (report).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli.app import End, Instruments, Start, app
from trading_assets.cli.arguments import parse_markets, parse_window
from trading_assets.cli.terminal import out, say
from trading_assets.cli.work import open_session
from trading_assets.errors import TradingAssetsError

if TYPE_CHECKING:
    from trading_assets.identifiers import Partition
    from trading_assets.orchestration.plan import Standing
    from trading_assets.session import Session


@app.command("report")
def report(
    instruments: Instruments = None,
    start: Start = None,
    end: End = None,
    target: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="An HTML file; `var/report.html` by default.")
    ] = None,
) -> None:
    """Write one HTML page, to be opened without a network: books, gaps, features, models, quality, versions.

    All of it, or a part:

        trading-assets report

        trading-assets report -i SIMBTC.BINANCE --start 2024-08-08 --out report.html
    """
    markets, window = parse_markets(instruments), parse_window(start, end)
    with open_session() as session:
        page = target or session.settings.path(Path("var/report.html"))
        standings: dict[Partition, list[Standing]] = {}
        for standing in session.standings(markets, *window):
            standings.setdefault(standing.partition, []).append(standing)
        if not standings:
            raise TradingAssetsError(
                "nothing is recorded for that: `trading-assets import FILE…`, or `trading-assets simulate`"
            )
        _write(session, standings, page)
    say(f"{len(standings)} days → {page}")


def _write(session: "Session", standings: "dict[Partition, list[Standing]]", page: Path) -> None:
    from trading_assets.export import write_whole  # noqa: PLC0415 - Polars is not needed for --help
    from trading_assets.report.page import build_page  # noqa: PLC0415 - see above

    def write(path: Path) -> None:
        with (
            path.open("w", encoding="utf-8") as file,
            out.status("") as status,
        ):  # a path that cannot be written fails first
            for n, part in enumerate(build_page(standings, session.warehouse), 1):
                if isinstance(part, str):
                    file.write(part)
                else:
                    status.update(f"{n}/{len(standings)} {part}")

    write_whole(page, write)
