"""The graph in outline: what a plan has to know of each step, without importing what computes.

Importing the steps takes seconds, because it imports what they compute with. Their outlines are kept in a file, beside
a digest of every source file's size and time and of all settings: the rule by which Python knows whether a module that
it compiled has changed. Where anything is not as it was, the steps are imported and the file is written anew.

Belongs here: outlines, and keeping them. Does not: what follows from them (plan).
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trading_assets.orchestration.days import Days
from trading_assets.settings import Settings
from trading_assets.storage.registry import TickRules

if TYPE_CHECKING:
    from trading_assets.orchestration.step import Step

_PACKAGE: Final = Path(__file__).resolve().parents[1]


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


def graph_outlines(settings: Settings) -> tuple[Outline, ...]:
    """Return the outlines of the whole graph, in its order."""
    path = settings.root / "var" / "outlines.json"
    key = _key(settings)
    with suppress(OSError, ValueError, KeyError, TypeError):  # whatever is wrong with it, it is made anew
        kept = json.loads(path.read_bytes())
        if kept["key"] == key:
            return tuple(_read(each) for each in kept["outlines"])
    from trading_assets.definitions import STEPS  # noqa: PLC0415 - it takes seconds: see above

    found = tuple(outline_of(step, settings) for step in STEPS)
    with suppress(OSError):  # it only saves time
        _write(path, {"key": key, "outlines": [_written(each) for each in found]})
    return found


def _key(settings: Settings) -> str:
    digest = hashlib.md5(settings.model_dump_json().encode(), usedforsecurity=False)
    for path, status in sorted(_sources(str(_PACKAGE))):
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _sources(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _sources(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path, entry.stat()


def _written(outline: Outline) -> dict[str, Any]:
    return asdict(outline) | {"services": sorted(outline.services)}


def _read(kept: Mapping[str, Any]) -> Outline:
    inputs = {name: Days(**days) for name, days in kept["inputs"].items()}
    told: Mapping[str, Any] = {**kept, "inputs": inputs, "services": frozenset(kept["services"])}
    return Outline(**{**told, "outputs": tuple(kept["outputs"])})


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write beside, then rename: several processes may do so at once."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(content))
    aside.replace(path)


def needed_by(outlines: Sequence[Outline]) -> list[str]:
    """Return the tables that some of these steps need a row of."""
    return sorted({name for outline in outlines for name in outline.needs})


def of_steps(steps: "Sequence[Step]", settings: Settings) -> tuple[Outline, ...]:
    """Return the outlines of some steps, in their order."""
    return tuple(outline_of(step, settings) for step in steps)
