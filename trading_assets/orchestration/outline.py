"""A step in outline: what a plan has to know of it, without what computes it.

Belongs here: outlines of steps that are at hand. Does not: those of the whole graph (`trading_assets.graph`), what
follows from them (plan).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trading_assets.orchestration.days import Days
from trading_assets.settings import Settings
from trading_assets.storage.registry import TickRules

if TYPE_CHECKING:
    from trading_assets.orchestration.step import Step


@dataclass(frozen=True, slots=True)
class Outline:
    """One step: what it makes, what it reads, and by what its result can change."""

    name: str
    outputs: tuple[str, ...]
    inputs: Mapping[str, Days]
    services: frozenset[str]
    code_version: str
    settings_digest: str
    """Of the sections that it reads."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Tables that must have a row, and what it means that one has none (see `Step.needs`)."""

    def digest(self, rules: TickRules) -> str:
        """Return the digest of all its configuration for an instrument of these tick rules."""
        return with_rules(self.settings_digest, rules) if "tick_rules" in self.services else self.settings_digest


def with_rules(settings_digest: str, rules: TickRules) -> str:
    """Digest the settings of a step that asks for the venue's tick rules, and these."""
    return hashlib.sha256(json.dumps([settings_digest, str(rules)]).encode()).hexdigest()[:16]


def outline_of(step: "Step", settings: Settings) -> Outline:
    """Return the outline of a step with these settings."""
    return Outline(
        name=step.name,
        outputs=tuple(step.outputs),
        inputs=step.inputs(settings),
        services=frozenset(step.services),
        code_version=step.code_version,
        settings_digest=settings.digest(step.reads),
        needs=step.needs,
    )


def needed_by(outlines: Sequence[Outline]) -> list[str]:
    """Return the tables that some of these steps need a row of."""
    return sorted({name for outline in outlines for name in outline.needs})


def of_steps(steps: "Sequence[Step]", settings: Settings) -> tuple[Outline, ...]:
    """Return the outlines of some steps, in their order."""
    return tuple(outline_of(step, settings) for step in steps)
