"""The `trading-assets` application and the options that several commands share.

Belongs here: the help that greets, and options spelled once. Does not: any command; each of them is added to `app` by
the module that defines it (intake, commands, and the modules named after what they tend).
"""

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Level-2 order books from the wire to a forecast, each step audited before it is published.

    A first look, from nothing:

        trading-assets simulate && trading-assets run && trading-assets status

    With your own Binance recordings (lines of `<receive ns> <venue JSON>`; plain, gzip or zstd):

        trading-assets import recordings/ && trading-assets run

    Each command shows by example what it does: `trading-assets run --help`.
    """,
)

Instruments = Annotated[
    list[str] | None,
    typer.Option(
        "--instrument",
        "-i",
        metavar="ID",
        help="SYMBOL.VENUE, such as BTCUSDT.BINANCE; may be repeated; all by default.",
    ),
]
Start = Annotated[
    str | None, typer.Option("--start", metavar="DAY", help="First day, YYYY-MM-DD; the first recorded by default.")
]
End = Annotated[
    str | None, typer.Option("--end", metavar="DAY", help="Last day, included; the last recorded by default.")
]
