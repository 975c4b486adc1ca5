"""What a step of the graph declares: its inputs by name, its outputs, its gate and the settings it depends on.

A step is a pure function with a sentence for a docstring. `@published` turns it into a `Step`; the same `Step` is
executed (execute), planned (plan) and shown as a Dagster asset (assets), so there is one truth about it.

Belongs here: declarations. Does not: anything that runs them.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from trading_assets.orchestration.days import Days
from trading_assets.orchestration.gate import Audit, Gate
from trading_assets.settings import Settings
from trading_assets.storage.formats import PARQUET

SERVICES: Final = frozenset({"settings", "partition", "tick_rules", "landed", "standing", "workspace"})
"""Parameters that are not upstream assets: configuration, the partition's key, the venue's tick and lot size,
files that were imported for the partition, the version of the step's own output that stands, and a private folder on
the lake's file system that goes with the attempt. An output that is the path of a file in it is moved, not written."""


@dataclass(frozen=True, slots=True)
class Output:
    """One published asset of a step."""

    gate: Gate
    description: str = ""
    suffix: str = PARQUET
    kinds: frozenset[str] = frozenset({"polars", "parquet"})
    plot: Callable[[Audit], bytes] | None = None
    """A PNG of the staged file, for the asset's page."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a step with several outputs, or with evidence for its gate, returns."""

    outputs: Mapping[str, Any]
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One pass from published inputs to outputs that are published together."""

    name: str
    make: Callable[..., Any]
    outputs: Mapping[str, Output]
    windows: Callable[[Settings], Mapping[str, Days]]
    reads: tuple[str, ...]
    code_version: str
    is_tracked: bool
    needs: Mapping[str, str] = field(default_factory=dict)
    """Raw tables without a row of which there is nothing to make, and what it means that one has none: such a day is
    no day to this step, neither its own nor one of its windows'."""

    @property
    def parameters(self) -> list[str]:
        """Names of everything the function asks for."""
        return list(inspect.signature(self.make).parameters)

    @property
    def services(self) -> set[str]:
        """Names of the parameters that are not upstream assets."""
        return {name for name in self.parameters if name in SERVICES}

    def inputs(self, settings: Settings) -> dict[str, Days]:
        """Return the upstream assets and the days of each that are read."""
        windows = self.windows(settings)
        return {name: windows.get(name, Days()) for name in self.parameters if name not in SERVICES}


def published(
    outputs: Output | Mapping[str, Output],
    *,
    reads: Sequence[str] = (),
    code_version: str = "1",
    windows: Callable[[Settings], Mapping[str, Days]] = lambda _: {},
    is_tracked: bool = False,
    needs: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Step]:
    """Turn a pure function into a step whose outputs are staged, audited and published together.

    Args:
        outputs: the only output, named after the function and described by its docstring, or several by name.
        reads: the sections of the settings that the result depends on.
        code_version: raise it when equal inputs and settings give other bytes than before.
        windows: the days read of an upstream, where that is not just the step's own day.
        is_tracked: whether each execution is a run in MLflow.
        needs: see `Step.needs`.
    """

    def declare(make: Callable[..., Any]) -> Step:
        sentence = inspect.cleandoc(make.__doc__ or "")
        named = {make.__name__: outputs} if isinstance(outputs, Output) else dict(outputs)
        described = {
            name: output
            if output.description
            else Output(output.gate, sentence, output.suffix, output.kinds, output.plot)
            for name, output in named.items()
        }
        return Step(make.__name__, make, described, windows, tuple(reads), code_version, is_tracked, dict(needs or {}))

    return declare
