"""One instrument's partitions held against the graph, from memory: all days of a step in one go.

Belongs here: comparing digests, coverage of windows, what follows from what.
Does not: reading the catalogue (moment), saying what exactly changed (plan).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

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
    """One instrument at one moment, held against the steps of the graph."""

    def __init__(self, steps: Sequence[Outline], market: Market) -> None:
        self.market = market
        self.steps = steps
        self._lines = {
            asset: {day: input_line(asset, day, stand.md5) for day, stand in stands.items()}
            for asset, stands in market.stands.items()
        }

    @cached_property
    def expected(self) -> Mapping[str, frozenset[date]]:
        """The days that each step can have at all, given the recorded ones."""
        recorded = frozenset(self.market.recorded)
        by_output = {name: step for step in self.steps for name in step.outputs}
        found: dict[str, frozenset[date]] = {}

        def of(step: Outline) -> frozenset[date]:
            if step.name not in found:
                found[step.name] = _with_upstream(recorded, [(of(by_output[n]), d) for n, d in step.inputs.items()])
            return found[step.name]

        return {step.name: of(step) for step in self.steps}

    @cached_property
    def reasons(self) -> Mapping[str, Mapping[date, str]]:
        """Why each step has to be executed for a day, for the days of which it has to."""
        return {step.name: dict(self._reasons(step)) for step in self.steps}

    def _reasons(self, step: Outline) -> Iterator[tuple[date, str]]:
        outputs = [self.market.stands.get(name, {}) for name in step.outputs]
        landed = self.market.landed if "landed" in step.services else frozenset[date]()
        digest = step.digest(self.market.rules)
        for day in sorted(self.expected[step.name]):
            stands = [stands.get(day) for stands in outputs]
            if day in landed:
                yield day, LANDED
            elif None in stands:
                yield day, MISSING
            else:
                try:
                    origin = origin_digest(step.code_version, digest, "".join(self.inputs(step, day)))
                except NotPublished as error:
                    yield day, str(error)
                    continue
                if any(stand is not None and stand.origin != origin for stand in stands):
                    yield day, CHANGED

    def inputs(self, step: Outline, day: date) -> list[str]:
        """Return the lines (`input_line`) of everything a step would read for a day, in their order.

        Raises:
            NotPublished: a registered day of an input's window has no published version, or there is no such day.
        """
        found: list[str] = []
        registered = self.market.registered
        for name, days in step.inputs.items():
            lines = self._lines.get(name, {})
            wanted = [each for each in days.around(day) if each in registered]
            read = [lines[each] for each in wanted if each in lines]
            if len(read) < len(wanted) or not wanted or (days.last >= 0 and day not in registered):
                ensure_covered(name, days, Partition(day, self.market.instrument), wanted=wanted, found=lines)
            found += read
        found.sort()
        return found

    def pending(self, day: date) -> dict[str, str]:
        """Name the steps a run of a day would execute, each with its reason, upstream first.

        A step whose upstream is about to be executed is executed too: its input may change.
        """
        chosen: dict[str, str] = {}
        changing: set[str] = set()
        for step in self.steps:
            reason = self.reasons[step.name].get(day)
            if reason is None and day in self.expected[step.name] and (upstream := sorted(changing & set(step.inputs))):
                reason = f"{upstream[0]} will be made anew"
            if reason is not None:
                chosen[step.name] = reason
                changing.update(step.outputs)
        return chosen

    def cells(self, days: Sequence[date]) -> Iterator[Cell]:
        """Say how every asset of some days stands, in the graph's order."""
        outputs = [
            (name, self.market.stands.get(name, {}), self.expected[step.name], self.reasons[step.name])
            for step in self.steps
            for name in step.outputs
        ]
        refused, accepted = self.market.refused, self.market.accepted
        for day in days:
            partition = Partition(day, self.market.instrument)
            for name, stands, expected, reasons in outputs:
                stand = stands.get(day)
                why = reasons.get(day, "")
                if (name, day) in refused:
                    kept = "nothing stands" if stand is None else "the version before it stands"
                    state, why = State.QUARANTINED, f"{refused[name, day]} ({kept})"
                elif stand is None:
                    state = State.MISSING if day in expected else State.NOT_EXPECTED
                elif why:
                    state = State.STALE
                else:
                    state, why = State.PUBLISHED, accepted.get((name, day), "")
                yield Cell(name, partition, state, stand.md5 if stand else None, why)


def _with_upstream(recorded: frozenset[date], upstream: Sequence[tuple[frozenset[date], Days]]) -> frozenset[date]:
    """Keep the days of which every window holds a day that its upstream can have."""
    if not upstream:
        return recorded
    return frozenset(
        day for day in recorded if all(any(at in theirs for at in days.around(day)) for theirs, days in upstream)
    )
