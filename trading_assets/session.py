"""One process's hold on the project: prepared stores, the warehouse, the Dagster instance and the graph.

Belongs here: what a command needs opened together. Does not: printing (cli) or deciding (plan).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import dagster as dg

from trading_assets.definitions import STEPS, build_assets
from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument, Partition
from trading_assets.models.document import ModelDocument
from trading_assets.orchestration.bootstrap import open_instance, prepare
from trading_assets.orchestration.importing import Imported, adopt_landed, files_in, land, landed_partitions
from trading_assets.orchestration.plan import Standing, recorded_days, standings
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.runner import Report, run_partition
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.upkeep.reconcile import Repairs, reconcile
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.registry import CAPTURES, TickRules

ATTEMPTS: Final = 5
"""How often landed lines are tried to be published while other imports of the same day take over."""


@dataclass(frozen=True, slots=True)
class Session:
    """Everything a command works with; a context manager that closes the Dagster instance."""

    settings: Settings
    warehouse: Warehouse
    instance: dg.DagsterInstance
    assets: Sequence[dg.AssetsDefinition]
    handed: dict[str, object]
    repairs: Repairs
    """What a crash had left and was put right when the project was opened."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Make sure of all stores, then open them and put right what a crash left."""
        prepare(settings)
        handed = resources(settings)
        adopt_landed(handed["warehouse"])
        instance = open_instance()
        repairs = reconcile(instance, handed["warehouse"])
        return cls(settings, handed["warehouse"], instance, build_assets(settings), handed, repairs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.instance.dispose()

    def markets(self) -> list[Instrument]:
        """List every instrument that was ever recorded."""
        return self.warehouse.registry.instruments()

    def import_files(
        self,
        paths: Sequence[Path],
        *,
        instrument: Instrument | None,
        rules: TickRules,
        said_format: str | None = None,
        venue: str | None = None,
    ) -> Iterator[Imported]:
        """Land files one after the other; one that is refused does not keep the others out."""
        for path in paths:
            try:
                for file in files_in(path):
                    yield self._landed(file, instrument, rules, said_format, venue)
            except (NotACapture, OSError) as error:
                yield Imported(path, refusal=_reason(path, error))

    def publish_captures(self) -> Iterator[tuple[Report, bool]]:
        """Publish every capture that has landed lines, and say of each whether it is another version than before."""
        for partition in landed_partitions(self.warehouse):
            before = self.warehouse.lake.find(CAPTURES, partition)
            report = self._publish_landed(partition)
            after = self.warehouse.lake.find(CAPTURES, partition)
            yield report, after is not None and (before is None or before.md5 != after.md5)

    def partitions(self, markets: Sequence[Instrument] | None, first: date, last: date) -> list[Partition]:
        """List the recorded partitions of some instruments (or all) in a window, so that earlier days come first."""
        chosen = self.markets() if markets is None else markets
        return [
            Partition(day, market)
            for market in chosen
            for day in recorded_days(market, self.warehouse)
            if first <= day <= last
        ]

    def standings(self, markets: Sequence[Instrument] | None, first: date, last: date) -> Iterator[Standing]:
        """Report how every asset of every recorded partition stands."""
        chosen = self.markets() if markets is None else markets
        for market in chosen:
            days = [p.day for p in self.partitions([market], first, last)]
            yield from standings(STEPS, market, days, self.warehouse)

    def run(self, partition: Partition) -> Report:
        """Execute what is missing or stale of a partition."""
        return self._run(partition, STEPS)

    def models(self, partitions: Sequence[Partition]) -> Iterator[tuple[Partition, ModelDocument]]:
        """Yield the published models of some partitions."""
        found = self.warehouse.lake.find_all(["model"], partitions)
        for partition in partitions:
            if version := found.get(("model", partition)):
                content = self.warehouse.lake.open(version)
                if isinstance(content, bytes):
                    yield partition, ModelDocument.from_bytes(content)

    def _landed(
        self, path: Path, instrument: Instrument | None, rules: TickRules, said_format: str | None, venue: str | None
    ) -> Imported:
        try:
            return land(path, self.warehouse, instrument=instrument, rules=rules, said_format=said_format, venue=venue)
        except (NotACapture, OSError) as error:
            return Imported(path, refusal=_reason(path, error))

    def _publish_landed(self, partition: Partition) -> Report:
        """Publish landed lines; where another import came between, look again at what is left to do.

        Whoever wins such a race publishes the lines of both, so the loser mostly finds nothing left.
        """
        steps = [step for step in STEPS if "landed" in step.services]
        for _ in range(ATTEMPTS):
            report = self._run(partition, steps)
            if not report.errors or self._is_refused(partition):
                break
            if not self.warehouse.landed(partition):
                return Report(partition, report.reasons, {})
        return report

    def _is_refused(self, partition: Partition) -> bool:
        refusals = self.warehouse.registry.standing_refusals([CAPTURES], partition.instrument)
        return (CAPTURES, partition.day) in refusals

    def _run(self, partition: Partition, steps: Sequence[Step]) -> Report:
        return run_partition(
            partition,
            steps=steps,
            assets=self.assets,
            warehouse=self.warehouse,
            resources=self.handed,
            instance=self.instance,
        )


def _reason(path: Path, error: NotACapture | OSError) -> str:
    return str(error) if isinstance(error, NotACapture) else f"{error.filename or path}: {error.strerror or error}"
