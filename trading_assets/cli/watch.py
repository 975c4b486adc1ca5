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
from rich.text import Text

from trading_assets.cli.standing import STYLES, alarming, state_table
from trading_assets.cli.terminal import out, say, visible
from trading_assets.identifiers import Instrument

if TYPE_CHECKING:
    from trading_assets.look import Look, Overview
    from trading_assets.orchestration.market_plan import Cell, MarketPlan

_FRAME: Final = 8
"""Lines of a screen that neither a row of the summary nor a partition to look at can have."""


def watch(look: "Look", markets: Sequence[Instrument] | None, window: tuple[date, date], *, every_s: float) -> None:
    """Show the status until interrupted; where no person watches, say every change in a line."""
    looks = _looks(look, markets, every_s)
    try:
        if out.is_terminal:
            _draw(look, looks, window)
        else:
            _tell(list(_cells(plans, window)) if plans is not None else None for plans in looks)
    except KeyboardInterrupt:
        return  # that is how a person says enough


def picture(found: "Overview", pressing: "Sequence[Cell]", *, height: int, moment: datetime) -> Group:
    """Draw a summary by asset and state, and as many partitions to look at as `height` lines leave room for.

    Args:
        found: how everything stands.
        pressing: what wants a person, the most pressing first; what exactly changed is said of those that are shown.
        height: lines of the screen.
        moment: when it was so.
    """
    n_shown = room(found, height)
    lines = [_line(cell) for cell in pressing[:n_shown]]
    if len(pressing) > n_shown:
        lines.append(Text(f"and {len(pressing) - n_shown:,} others: see `trading-assets status`", style="dim"))
    return Group(state_table(found, f"assets by state, {moment:%H:%M:%S} UTC"), *lines)


def room(found: "Overview", height: int) -> int:
    """Return how many partitions to look at fit below the summary."""
    return max(height - sum(1 for states in found.counts.values() if states.total()) - _FRAME, 0)


def changes(before: Mapping[str, str], cells: "Sequence[Cell]") -> tuple[dict[str, str], list[str]]:
    """Return how everything stands, and a line for everything that stands otherwise than before."""
    now = {f"{cell.asset} of {cell.partition}": _as_words(cell) for cell in cells}
    return now, [f"{name}: {words}" for name, words in now.items() if before.get(name) != words]


def _looks(look: "Look", markets: Sequence[Instrument] | None, every_s: float) -> Iterator["list[MarketPlan] | None"]:
    """Look at the status again and again: what it is where it may have changed, else None."""
    from trading_assets.orchestration.landed import landed_under  # noqa: PLC0415 - not needed for --help
    from trading_assets.storage.pulse import pulse  # noqa: PLC0415 - SQLAlchemy is slow to import

    seen: object = None
    while True:
        found = (pulse(look.engine), landed_under(look.lake))
        yield look.plans(markets) if found != seen else None
        seen = found
        time.sleep(every_s)


def _draw(look: "Look", looks: Iterator["list[MarketPlan] | None"], window: tuple[date, date]) -> None:
    with Live(console=out, auto_refresh=False, screen=True) as live:
        for plans in looks:
            if plans is not None:
                found = look.overview(plans, window)
                pressing = alarming(found.rest)
                n_shown = room(found, out.height)
                pressing[:n_shown] = look.in_words(plans, pressing[:n_shown])
            live.update(picture(found, pressing, height=out.height, moment=datetime.now(UTC)), refresh=True)


def _tell(looks: Iterator["list[Cell] | None"]) -> None:
    before: dict[str, str] = {}
    for look in looks:
        if look is None:
            continue
        is_first = not before
        before, lines = changes(before, look)
        total = Counter(cell.state.value for cell in look)
        if lines or is_first:
            counted = ", ".join(f"{total[state]:,} {state}" for state in STYLES if total[state])
            say(f"{datetime.now(UTC):%H:%M:%S} {counted or 'nothing is recorded'}")
        for line in [] if is_first else lines:
            say(f"  {line}")
        out.file.flush()


def _cells(plans: "list[MarketPlan]", window: tuple[date, date]) -> Iterator["Cell"]:
    for plan in plans:
        yield from plan.cells([day for day in plan.market.recorded if window[0] <= day <= window[1]])


def _as_words(cell: "Cell") -> str:
    return f"{cell.state} {cell.md5[:12]}" if cell.md5 else str(cell.state)


def _line(cell: "Cell") -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{cell.state} ", style=STYLES[cell.state])
    return line.append(visible(f"{cell.asset} of {cell.partition}: {cell.why}"))
