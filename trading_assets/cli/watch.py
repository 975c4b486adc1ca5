"""The status that keeps itself current: how many partitions of each asset stand how, and those to look at.

Belongs here: looking again, and a picture that fits the screen, however many partitions there are.
Does not: how a partition stands (orchestration/plan).
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trading_assets.cli.tables import STYLES
from trading_assets.cli.terminal import out, say, visible
from trading_assets.identifiers import Instrument

if TYPE_CHECKING:
    from trading_assets.orchestration.plan import Standing
    from trading_assets.session import Session

ALARMING: Final = ("quarantined", "stale", "missing")
"""States that a person may want to do something about, the most pressing first."""
_FRAME: Final = 8
"""Lines of a screen that neither a row of the summary nor a partition to look at can have."""


def watch(
    session: "Session", markets: Sequence[Instrument] | None, window: tuple[date, date], *, every_s: float
) -> None:
    """Show the status until interrupted; where no person watches, say every change in a line."""
    looks = _looks(session, markets, window, every_s)
    try:
        (_draw if out.is_terminal else _tell)(looks)
    except KeyboardInterrupt:
        return  # that is how a person says enough


def picture(standings: Sequence["Standing"], *, height: int, moment: datetime) -> Group:
    """Draw a summary by asset and state, and as many partitions to look at as `height` lines leave room for."""
    counts = summary(standings)
    table = Table(title=f"assets by state, {moment:%H:%M:%S} UTC")
    table.add_column("asset", no_wrap=True)
    for state in STYLES:
        table.add_column(state, justify="right", style=STYLES[state])
    for asset, by_state in counts.items():
        table.add_row(asset, *(f"{by_state[state]:,}" if by_state[state] else "" for state in STYLES))
    pressing = sorted((s for s in standings if s.state in ALARMING), key=lambda s: ALARMING.index(s.state))
    room = max(height - len(counts) - _FRAME, 0)
    lines = [_line(standing) for standing in pressing[:room]]
    if len(pressing) > room:
        lines.append(Text(f"and {len(pressing) - room:,} others: `trading-assets status` shows them all", style="dim"))
    return Group(table, *lines)


def summary(standings: Sequence["Standing"]) -> dict[str, Counter[str]]:
    """Count the partitions of each asset by state, in the graph's order."""
    counts: dict[str, Counter[str]] = {}
    for standing in standings:
        counts.setdefault(standing.asset, Counter())[standing.state] += 1
    return counts


def changes(before: Mapping[str, str], standings: Sequence["Standing"]) -> tuple[dict[str, str], list[str]]:
    """Return how everything stands, and a line for everything that stands otherwise than before."""
    now = {f"{s.asset} of {s.partition}": _as_words(s) for s in standings}
    return now, [f"{name}: {words}" for name, words in now.items() if before.get(name) != words]


def _looks(
    session: "Session", markets: Sequence[Instrument] | None, window: tuple[date, date], every_s: float
) -> Iterator[list["Standing"] | None]:
    """Look at the status again and again: what it is where it may have changed, else None."""
    from trading_assets.orchestration.importing import landed_partitions  # noqa: PLC0415 - Dagster is slow to import
    from trading_assets.storage.pulse import pulse  # noqa: PLC0415 - SQLAlchemy is slow to import

    seen: object = None
    while True:
        found = (pulse(session.warehouse.lake.engine), landed_partitions(session.warehouse))
        yield list(session.standings(markets, *window)) if found != seen else None
        seen = found
        time.sleep(every_s)


def _draw(looks: Iterator[list["Standing"] | None]) -> None:
    standings: list[Standing] = []
    with Live(console=out, auto_refresh=False, screen=True) as live:
        for look in looks:
            standings = standings if look is None else look
            live.update(picture(standings, height=out.height, moment=datetime.now(UTC)), refresh=True)


def _tell(looks: Iterator[list["Standing"] | None]) -> None:
    before: dict[str, str] = {}
    for look in looks:
        if look is None:
            continue
        is_first = not before
        before, lines = changes(before, look)
        total = sum(summary(look).values(), Counter())
        if lines or is_first:
            counted = ", ".join(f"{total[state]:,} {state}" for state in STYLES if total[state])
            say(f"{datetime.now(UTC):%H:%M:%S} {counted or 'nothing is recorded'}")
        for line in [] if is_first else lines:
            say(f"  {line}")
        out.file.flush()


def _as_words(standing: "Standing") -> str:
    return f"{standing.state} {standing.version.md5[:12]}" if standing.version else str(standing.state)


def _line(standing: "Standing") -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{standing.state} ", style=STYLES[standing.state])
    return line.append(visible(f"{standing.asset} of {standing.partition}: {standing.why}"))
