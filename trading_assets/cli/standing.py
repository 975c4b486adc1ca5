"""How things stand, and what a run would do about it: one line each where a person can read them all, else in numbers.

Belongs here: choosing between the two, rows and cells. Does not: finding it out (look), layout (terminal).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from trading_assets.cli.terminal import out, say, show_table
from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Instrument, Partition

if TYPE_CHECKING:
    from trading_assets.look import Look, Overview
    from trading_assets.orchestration.market_plan import Cell, MarketPlan

READABLE: Final = 500
"""More rows than this are no answer to a person."""
NAMED: Final = 20
"""Of so many, those that are named all the same."""
NOTHING: Final = "nothing is recorded for that: `trading-assets import FILE…`, or `trading-assets simulate`"
STYLES: Final = {
    "published": "green",
    "stale": "yellow",
    "missing": "red",
    "quarantined": "bold red",
    "not expected": "dim",
}
ALARMING: Final = ("quarantined", "stale", "missing")
"""States that a person may want to do something about, the most pressing first."""
_COLUMNS: Final = ("partition", "asset", "state", "rows", "version", "why")
_NARROW: Final = "`--all` shows each of them; `-i`, `--start` and `--end` show a part"


def print_status(
    look: "Look", markets: Sequence[Instrument] | None, window: tuple[date, date], *, in_full: bool
) -> None:
    """Print how every asset of every recorded day of a window stands."""
    plans = look.plans(markets)
    n_cells = sum(len(_days(plan, window)) for plan in plans) * sum(len(step.outputs) for step in look.outlines)
    if not n_cells:
        say("nothing is recorded: `trading-assets import FILE…`, or `trading-assets simulate`")
    elif n_cells <= READABLE:
        show_table("assets by partition", _COLUMNS, _rows(look, plans, window))
    elif in_full:
        for row in _rows(look, plans, window):
            say("  ".join(str(cell) for cell in row))
    else:
        _print_overview(look, plans, look.overview(plans, window))


def _print_overview(look: "Look", plans: "list[MarketPlan]", found: "Overview") -> None:
    out.print(state_table(found, "assets by state"))
    pressing = alarming(found.rest)
    show_table("the most pressing", ("partition", "asset", "state", "why"), _short(look, plans, pressing[:NAMED]))
    if len(pressing) > NAMED:
        say(f"and {len(pressing) - NAMED:,} others: {_NARROW}")


def _short(look: "Look", plans: "list[MarketPlan]", cells: "list[Cell]") -> Iterator[tuple[str | Text, ...]]:
    for cell in look.in_words(plans, cells):
        yield str(cell.partition), cell.asset, Text(cell.state, style=STYLES[cell.state]), cell.why


def state_table(found: "Overview", title: str) -> Table:
    """Lay out how many partitions of each asset stand how."""
    table = Table(title=title)
    table.add_column("asset", no_wrap=True)
    for state in STYLES:
        table.add_column(state, justify="right", style=STYLES[state])
    for asset, by_state in found.counts.items():
        if by_state.total():
            numbers = {state.value: n for state, n in by_state.items()}
            table.add_row(asset, *(f"{numbers[state]:,}" if numbers.get(state) else "" for state in STYLES))
    return table


def alarming(cells: "Sequence[Cell]") -> "list[Cell]":
    """Return those that want a person, the most pressing first."""
    return sorted((c for c in cells if c.state in ALARMING), key=lambda c: ALARMING.index(c.state))


def _rows(look: "Look", plans: "list[MarketPlan]", window: tuple[date, date]) -> Iterator[tuple[str | Text, ...]]:
    for plan in plans:
        days = _days(plan, window)
        n_rows = look.n_rows(plan.market.instrument)
        for cell in look.in_words([plan], list(plan.cells(days))):
            yield (
                str(cell.partition),
                cell.asset,
                Text(cell.state, style=STYLES[cell.state]),
                f"{n_rows[cell.asset, cell.partition.day]:,}" if cell.md5 else "",
                cell.md5[:12] if cell.md5 else "",
                cell.why,
            )


def print_plan(look: "Look", markets: Sequence[Instrument] | None, window: tuple[date, date], *, in_full: bool) -> None:
    """Print what a run would execute, and why.

    Raises:
        TradingAssetsError: nothing is recorded for that.
    """
    plans = look.plans(markets)
    n_partitions = sum(len(_days(plan, window)) for plan in plans)
    if not n_partitions:
        raise TradingAssetsError(NOTHING)
    pending = list(look.pending(plans, window))
    n_steps = sum(len(steps) for _, _, steps in pending)
    is_short = n_steps <= READABLE or in_full
    if not is_short:
        _print_reasons([steps for _, _, steps in pending])
    for line in _plan_lines(look, pending if is_short else pending[:NAMED]):
        say(line)
    if not is_short:
        say(f"and so on: {_NARROW}")
    say(f"{n_steps} steps of {n_partitions} partitions would run")


def _plan_lines(look: "Look", pending: "list[tuple[MarketPlan, date, dict[str, str]]]") -> Iterator[str]:
    for plan in dict.fromkeys(plan for plan, _, _ in pending):
        days = [day for other, day, _ in pending if other is plan]
        for day, steps in look.pending_in_words(plan, days).items():
            for step, why in steps.items():
                yield f"{Partition(day, plan.market.instrument)}: {step}: {why}"


def _print_reasons(pending: list[dict[str, str]]) -> None:
    counted = Counter((step, _kind(why)) for steps in pending for step, why in steps.items())
    show_table(
        "what would run",
        ("step", "partitions", "why"),
        [(step, f"{n:,}", kind) for (step, kind), n in counted.most_common()],
    )


def _kind(why: str) -> str:
    """Return a reason without what it says of one partition only."""
    return "what it reads is not published" if "`trading-assets" in why else why


def _days(plan: "MarketPlan", window: tuple[date, date]) -> list[date]:
    return [day for day in plan.market.recorded if window[0] <= day <= window[1]]
