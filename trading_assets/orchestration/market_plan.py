"""One instrument's partitions held against the graph, from memory: all days of a step in one go.

Belongs here: comparing digests, coverage of windows, what follows from what.
Does not: reading the catalogue (moment), saying what exactly changed (plan).
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cache, cached_property
from typing import Final, NamedTuple, cast

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.days import Days, ensure_covered
from trading_assets.orchestration.moment import Market
from trading_assets.orchestration.outline import Outline
from trading_assets.storage.records import input_line, origin_digest

LANDED: Final = "new lines were imported"
MISSING: Final = "missing"
CHANGED: Final = "what it was made from changed"
"""Stands for what a look into the versions' history says: code, settings, or which inputs."""


class State(StrEnum):
    """How a partition of an asset stands."""

    PUBLISHED = "published"
    STALE = "stale"
    MISSING = "missing"
    QUARANTINED = "quarantined"
    NOT_EXPECTED = "not expected"


class Cell(NamedTuple):
    """One asset of one partition: how it stands, with which bytes, and why it does not stand well."""

    asset: str
    partition: Partition
    state: State
    md5: str | None
    why: str


class MarketPlan:
    """One instrument at one moment, held against the steps of the graph. Days are ordinal numbers within."""

    def __init__(self, steps: Sequence[Outline], market: Market) -> None:
        self.market = market
        self.steps = steps
        self._lines: dict[str, dict[int, str]] = {}

    @cached_property
    def bare(self) -> Mapping[str, Mapping[int, str]]:
        """The days that each step cannot have, since what stands of a table it needs has no row; what that means."""
        empty = self.market.bare
        return {
            step.name: {day: why for name, why in step.needs.items() for day in empty.get(name, ())}
            for step in self.steps
        }

    @cached_property
    def expected(self) -> Mapping[str, frozenset[int]]:
        """The days that each step can have at all, given the recorded ones and what they hold."""
        recorded = self.market.landed.union(self.market.registered)
        by_output = {name: step for step in self.steps for name in step.outputs}
        found: dict[str, frozenset[int]] = {}

        def of(step: Outline) -> frozenset[int]:
            if step.name not in found:
                windows = [_with_any(of(by_output[name]), days) for name, days in step.inputs.items()]
                found[step.name] = recorded.intersection(*windows).difference(self.bare[step.name])
            return found[step.name]

        return {step.name: of(step) for step in self.steps}

    @cached_property
    def reasons(self) -> Mapping[str, Mapping[int, str]]:
        """Why each step has to be executed for a day, for the days of which it has to."""
        return {step.name: self._reasons(step) for step in self.steps}

    def _reasons(self, step: Outline) -> dict[int, str]:
        expected = self.expected[step.name]
        outputs = [self.market.of(name) for name in step.outputs]
        reasons = dict.fromkeys(expected.difference(expected.intersection(*[s.md5s for s in outputs])), MISSING)
        if "landed" in step.services:
            reasons |= dict.fromkeys(self.market.landed & expected, LANDED)
        origins = self._origins(step, [day for day in expected if day not in reasons], reasons)
        for stands in outputs:
            made_of = stands.origins
            reasons |= {day: CHANGED for day, origin in origins.items() if origin != made_of.get(day)}
        return reasons

    def _origins(self, step: Outline, days: Sequence[int], reasons: dict[int, str]) -> dict[int, str]:
        """Digest what a step would be made of now, day by day; add to the reasons why it could not be."""
        digest = step.digest(self.market.rules)
        bare, found = self.bare[step.name], {}
        columns = [
            self._column(name, [day + offset for day in days], bare)
            for name, window in sorted(step.inputs.items())
            for offset in range(window.first, window.last + 1)
        ]
        for day, *lines in zip(days, *columns, strict=True):
            try:  # mostly all that a window may hold is there, and in its order
                whole = "".join(self.inputs(step, day) if None in lines else cast("list[str]", lines))
            except NotPublished as error:
                reasons[day] = str(error)
                continue
            found[day] = origin_digest(step.code_version, digest, whole)
        return found

    def _column(self, asset: str, days: Sequence[int], bare: Container[int]) -> list[str | None]:
        """Return the line of an asset of each day, None where it has none or is bare."""
        line = self._lines_of(asset).get
        return [None if day in bare else line(day) for day in days] if bare else list(map(line, days))

    def inputs(self, step: Outline, day: int) -> list[str]:
        """Return the lines (`input_line`) of everything a step would read for a day, in their order.

        Raises:
            NotPublished: a registered day of an input's window has no published version, or there is no such day.
        """
        found: list[str] = []
        registered, bare = self.market.registered, self.bare[step.name]
        for name, days in step.inputs.items():
            lines = self._lines_of(name)
            window = range(day + days.first, day + days.last + 1)
            wanted = [each for each in window if each in registered and each not in bare]
            read = [lines[each] for each in wanted if each in lines]
            if len(read) < len(wanted) or not wanted or (days.last >= 0 and day not in registered):
                self._ensure_covered(name, days, day, wanted)
            found += read
        found.sort()
        return found

    def _lines_of(self, asset: str) -> dict[int, str]:
        if asset not in self._lines:
            stands, registered = self.market.of(asset).md5s, self.market.registered
            self._lines[asset] = {
                day: input_line(asset, _in_words(day), md5) for day, md5 in stands.items() if day in registered
            }
        return self._lines[asset]

    def _ensure_covered(self, name: str, days: Days, day: int, wanted: Sequence[int]) -> None:
        ensure_covered(
            name,
            days,
            Partition(date.fromordinal(day), self.market.instrument),
            wanted=[date.fromordinal(each) for each in wanted],
            found={date.fromordinal(each) for each in wanted if each in self._lines_of(name)},
        )

    def pending(self, day: date) -> dict[str, str]:
        """Name the steps a run of a day would execute, each with its reason, upstream first.

        A step whose upstream is about to be executed is executed too: its input may change, and where there was
        nothing to make it of, there may be now.
        """
        chosen: dict[str, str] = {}
        changing: set[str] = set()
        at = day.toordinal()
        for step in self.steps:
            reason = self.reasons[step.name].get(at)
            is_possible = at in self.expected[step.name] or self._may_come(step, at)
            if reason is None and is_possible and (upstream := sorted(changing & set(step.inputs))):
                reason = f"{upstream[0]} will be made anew"
            if reason is not None:
                chosen[step.name] = reason
                changing.update(step.outputs)
        return chosen

    def _may_come(self, step: Outline, day: int) -> bool:
        """Tell whether all that keeps a step from having a day is that a table of that very day has no row."""
        by_output = {name: each for each in self.steps for name in each.outputs}
        return day in self.bare[step.name] and all(
            any(
                each in self.expected[by_output[name].name] or (each == day and self._may_come(by_output[name], day))
                for each in range(day + days.first, day + days.last + 1)
            )
            for name, days in step.inputs.items()
        )

    def cell(self, step: Outline, asset: str, day: date) -> Cell:
        """Say how one asset of one day stands."""
        at = day.toordinal()
        md5 = self.market.of(asset).md5s.get(at)
        why = self.reasons[step.name].get(at, "")
        refusal = self.market.refused.get((asset, day))
        if md5 is None and at in self.bare[step.name]:
            state, why = State.NOT_EXPECTED, self.bare[step.name][at]
        elif refusal is not None:
            kept = "nothing stands" if md5 is None else "the version before it stands"
            state, why = State.QUARANTINED, f"{refusal} ({kept})"
        elif md5 is None:
            state = State.MISSING if at in self.expected[step.name] else State.NOT_EXPECTED
        elif why:
            state = State.STALE
        else:
            state, why = State.PUBLISHED, self.market.accepted.get((asset, day), "")
        return Cell(asset, Partition(day, self.market.instrument), state, md5, why)

    def cells(self, days: Sequence[date]) -> Iterator[Cell]:
        """Say how every asset of some days stands, in the graph's order."""
        for day in days:
            for step in self.steps:
                for asset in step.outputs:
                    yield self.cell(step, asset, day)

    def restless(self, days: Sequence[date]) -> tuple[dict[str, int], list[Cell]]:
        """Count the days of each asset of which nothing can be said but that they are published, and list the others.

        The same as `cells`, in a time that follows what is not well.
        """
        n_well: dict[str, int] = {}
        rest: list[Cell] = []
        wanted = {day.toordinal() for day in days}
        for step in self.steps:
            for asset in step.outputs:
                told = {day.toordinal() for name, day in (*self.market.refused, *self.market.accepted) if name == asset}
                others = wanted - (self.market.of(asset).md5s.keys() - self.reasons[step.name].keys() - told)
                n_well[asset] = len(wanted) - len(others)
                rest += [self.cell(step, asset, date.fromordinal(day)) for day in sorted(others)]
        return n_well, rest


@cache
def _in_words(day: int) -> str:
    """Write a day as everybody does; markets have the same days."""
    return str(date.fromordinal(day))


def _with_any(theirs: frozenset[int], days: Days) -> set[int]:
    """Return the days whose window holds a day that its upstream can have."""
    return {day - offset for offset in range(days.first, days.last + 1) for day in theirs}
