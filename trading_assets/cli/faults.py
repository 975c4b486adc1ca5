"""The command that damages a recording on purpose.

Belongs here: what can be asked for, and the help that teaches it. Does not: doing it (sources/faults).
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.terminal import say
from trading_assets.errors import ImpossibleFaults


@app.command("faults")
def faults(
    capture: Annotated[Path, typer.Argument(metavar="CAPTURE", help="A sound recording of one instrument and day.")],
    out: Annotated[Path, typer.Option("--out", help="The damaged recording; `.gz` and `.zst` are packed.")],
    drop: Annotated[str, typer.Option(metavar="N|N%", help="Messages that never arrive.")] = "0",
    repeat: Annotated[str, typer.Option(metavar="N|N%", help="Messages that arrive twice.")] = "0",
    swap: Annotated[str, typer.Option(metavar="N|N%", help="Neighbours that arrive in each other's place.")] = "0",
    delay: Annotated[str, typer.Option(metavar="N|N%", help="Messages that arrive late.")] = "0",
    corrupt: Annotated[str, typer.Option(metavar="N|N%", help="Lines damaged beyond reading.")] = "0",
    cross: Annotated[str, typer.Option(metavar="N|N%", help="Updates that cross the book for a while.")] = "0",
    skew: Annotated[str, typer.Option(metavar="N", help="Episodes in which a clock is off by 2 to 6 s.")] = "0",
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal bytes.")] = 7,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Hit update, trade, snapshot or ticker; may be repeated. [update, trade]"),
    ] = None,
    max_delay_ms: Annotated[int, typer.Option(help="The longest delay, 1 to 60000.")] = 500,
    skew_clock: Annotated[str, typer.Option(metavar="event|receive", help="Whose clock is off.")] = "event",
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to tell what was done; OUT.truth.json by default.")
    ] = None,
    yesterday: Annotated[
        Path | None, typer.Option(metavar="CAPTURE", help="The day before, if this one begins without a snapshot.")
    ] = None,
) -> None:
    """Damage a recording on purpose, and say exactly what was done and what must follow from it.

    A count of each fault, drawn by a seed; the original is never written to:

        trading-assets faults day.jsonl.gz --out bad.jsonl.gz --drop 5 --repeat 3 --swap 4 --delay 2 --seed 7

    Shares of the messages that can suffer a fault, and every kind of fault:

        trading-assets faults day.jsonl.gz --out bad.jsonl.zst --drop 0.5% --corrupt 1 --cross 1 --skew 1

    From nothing: simulate a recording, damage it, import the file (not its folder: the truth lies beside it):

        trading-assets simulate --out recordings/ -i SIMBTC.BINANCE --days 1 --minutes 10

        trading-assets faults recordings/SIMBTC.BINANCE/2024-08-08.jsonl.gz --out bad.jsonl.gz --drop 5

        trading-assets import bad.jsonl.gz

    `bad.jsonl.gz.truth.json` lists every fault with its lines, times and ids, the dead letters, and each row that
    `feed_gaps` must have. docs/faults.md explains it.
    """
    from trading_assets.sources.faults.request import FAULT_KINDS, Request, parse_amount  # noqa: PLC0415 - not for --help
    from trading_assets.sources.faults.truth import damage_file  # noqa: PLC0415 - see above

    asked = zip(FAULT_KINDS, (drop, repeat, swap, delay, corrupt, cross, skew), strict=True)
    amounts = {name: parse_amount(text, name=name) for name, text in asked}
    if not any(amounts.values()):
        raise ImpossibleFaults(f"no fault was asked for: add one, such as --drop 5 (of {', '.join(FAULT_KINDS)})")
    options = {"max_delay_ms": max_delay_ms, "skew_clock": skew_clock, **({"kinds": tuple(kind)} if kind else {})}
    request = Request(**amounts, **options)  # type: ignore[arg-type]  # Request judges what a person typed
    result = damage_file(capture, out, request, seed=seed, truth=truth, yesterday=yesterday)
    say(f"{out}: {result.n_lines_out:,} lines of {result.n_lines_in:,}; {_told(x.kind for x in result.faults)}")
    n_letters = len(result.dead_letters)
    say(f"must follow: {_told(x.cause for x in result.gaps)} in feed_gaps; {n_letters} dead letters")


def _told(names: Iterable[str]) -> str:
    """Count equal names: `5 drop, 3 repeat`."""
    return ", ".join(f"{n} {name}" for name, n in Counter(names).items()) or "nothing"
