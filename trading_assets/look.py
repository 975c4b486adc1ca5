"""A look at the project that changes nothing, and needs neither Dagster nor what the steps compute with.

Belongs here: what commands that only say how things stand need opened, and the answers about all partitions at once.
Does not: whatever runs or repairs something (session), printing (cli).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from sqlalchemy import Engine

from trading_assets.graph import graph_outlines
from trading_assets.identifiers import Instrument
from trading_assets.orchestration.market_plan import CHANGED, Cell, MarketPlan, State
from trading_assets.orchestration.moment import markets_now
from trading_assets.orchestration.outline import Outline, needed_by
from trading_assets.orchestration.plan import differences, pending_in_words
from trading_assets.settings import Settings
from trading_assets.storage.database.age import tell_age
from trading_assets.storage.database.engines import open_for_looking
from trading_assets.storage.database.schema import is_ready
from trading_assets.storage.overview import n_rows_of


@dataclass(frozen=True, slots=True)
class Overview:
    """How everything stands: numbers of all partitions, and those of which there is more to say."""

    counts: dict[str, Counter[State]]
    """By asset, in the graph's order."""
    rest: list[Cell]
    """All but those that are published and of which that is all there is to say."""


@dataclass(frozen=True, slots=True)
class Look:
    """The catalogue, the lake's root and the graph's outline."""

    engine: Engine
    lake: Path
    outlines: Sequence[Outline]

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the project; a catalogue that is not there yet, or is older than this code, is made or upgraded.

        Raises:
            CatalogFailed: it is on a server, where upgrading it is for its owner.
        """
        engine = open_for_looking(settings)
        if not is_ready(engine):
            from trading_assets.orchestration.bootstrap import prepare  # noqa: PLC0415 - Dagster takes seconds

            prepare(settings)
        tell_age(engine)
        return cls(engine, settings.path(settings.lake.root), graph_outlines(settings))

    def plans(self, markets: Sequence[Instrument] | None) -> list[MarketPlan]:
        """Hold some instruments, or all that were ever recorded, against the graph, all as of one moment."""
        assets = [name for outline in self.outlines for name in outline.outputs]
        found = markets_now(self.engine, self.lake, assets, markets, needed=needed_by(self.outlines))
        return [MarketPlan(self.outlines, market) for market in found]

    def overview(self, plans: Sequence[MarketPlan], window: tuple[date, date]) -> Overview:
        """Count how every asset of every recorded day of a window stands."""
        found = Overview({name: Counter() for step in self.outlines for name in step.outputs}, [])
        for plan in plans:
            n_well, rest = plan.restless(recorded(plan, window))
            for asset, n in n_well.items():
                found.counts[asset][State.PUBLISHED] += n
            for cell in rest:
                found.counts[cell.asset][cell.state] += 1
            found.rest.extend(rest)
        return found

    def in_words(self, plans: Sequence[MarketPlan], cells: Sequence[Cell]) -> list[Cell]:
        """Say of cells what exactly changed, where something did."""
        told: dict[tuple[Instrument, str, date], str] = {}
        for plan in plans:
            market = plan.market.instrument
            vague = [(c.asset, c.partition.day) for c in cells if c.why == CHANGED and c.partition.instrument == market]
            told |= {(market, *key): why for key, why in differences(plan, vague, self.engine).items()}
        keys = [(cell.partition.instrument, cell.asset, cell.partition.day) for cell in cells]
        return [cell._replace(why=told.get(key, cell.why)) for key, cell in zip(keys, cells, strict=True)]

    def n_rows(self, market: Instrument) -> dict[tuple[str, date], int]:
        """Return how many rows each standing version of an instrument has, by asset and day."""
        return n_rows_of(self.engine, str(market))

    def pending(
        self, plans: Sequence[MarketPlan], window: tuple[date, date]
    ) -> Iterator[tuple[MarketPlan, date, dict[str, str]]]:
        """Yield what a run would execute of each recorded day of a window, days of which it is nothing left out."""
        for plan in plans:
            touched = {day for days in plan.reasons.values() for day in days}
            for day in recorded(plan, window):
                if day.toordinal() in touched:
                    yield plan, day, plan.pending(day)

    def pending_in_words(self, plan: MarketPlan, days: Sequence[date]) -> dict[date, dict[str, str]]:
        """Name what a run of some days would execute, with what exactly changed where something did."""
        return pending_in_words(plan, days, self.engine)


def recorded(plan: MarketPlan, window: tuple[date, date]) -> list[date]:
    """Return the recorded days of an instrument within a window, both ends included."""
    return [day for day in plan.market.recorded if window[0] <= day <= window[1]]
