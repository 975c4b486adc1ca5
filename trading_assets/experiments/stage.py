"""Run one step of the graph as a stage of DVC: every partition that it can have, each from what the manifests name.

A stage publishes by the same protocol as everything else, gate included, but into a catalogue of its own that goes when
it is done. The objects are in the lake's store, under a second name that collection of the lake does not touch.

Belongs here: which partitions, from which inputs, and where. Does not: the manifests' shape (manifest), figures.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from configobj import ConfigObj

from trading_assets.errors import CorruptObject, NotACapture, NotPublished
from trading_assets.experiments.figures import write_figures
from trading_assets.experiments.manifest import manifest_path, read_manifests, write_manifest
from trading_assets.identifiers import Partition
from trading_assets.orchestration.apart import open_apart
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.importing import files_in, land, landed_partitions
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.guard import publishing
from trading_assets.storage.records import Version
from trading_assets.storage.registry import TickRules
from trading_assets.storage.snapshots.cache import EXPERIMENTS, Cache
from trading_assets.storage.store import Store

Given = Mapping[tuple[str, Partition], Version]
"""What a step may read, by asset and partition."""
RECORDINGS: Final = "recordings"


@dataclass(frozen=True, slots=True)
class Stage:
    """A step, and the folder of the `dvc.yaml` that it is a stage of."""

    step: Step
    root: Path
    settings: Settings
    graph: Sequence[Step]

    def run(self) -> Iterator[tuple[Partition, list[Version]]]:
        """Execute the step; yield each partition with what was made of it; write the manifest when all are made.

        Raises:
            NotPublished: a stage before did not run, there is nothing to make this of, or the gate refused a partition.
            CorruptObject: an input is gone, or is not what was published.
            NotACapture: a recording cannot be imported.
        """
        lake = shared_lake(self.root)
        kept = Cache(Store(lake), EXPERIMENTS)
        given = self._given()
        made: list[Version] = []
        with self._apart(lake) as house:
            for partition in self._partitions(house, given):
                with disk_faults_named(lake, f"{self.step.name} of {partition}"), publishing(lake):
                    versions = self._made(partition, house, given, kept)
                made += versions
                yield partition, versions
            if not made:
                raise NotPublished(f"there is nothing to make {self.step.name} of")
            if self.step.is_tracked:
                write_figures(self.root, [(version.partition, house.lake.open(version)) for version in made])
        write_manifest(self.root / manifest_path(self.step), made)

    def _given(self) -> Given:
        """Return what the manifests name, but for days on which there is nothing to make the step of."""
        versions = list(read_manifests(self.root, self.step, list(self.step.inputs(self.settings)), self.graph))
        bare = {version.partition for version in versions if version.asset in self.step.needs and not version.n_rows}
        return {(each.asset, each.partition): each for each in versions if each.partition not in bare}

    def _made(self, partition: Partition, house: Warehouse, given: Given, kept: Cache) -> list[Version]:
        inputs = [given[key] for keys in self._windows(partition).values() for key in keys if key in given]
        self._ensure_there(inputs, kept)
        outcome = execute(self.step, partition, house, run_id="dvc", inputs=inputs)
        if outcome.refusal:
            raise NotPublished(f"{self.step.name} of {partition} was refused by its gate: {outcome.refusal}")
        versions = list(outcome.versions.values())
        kept.hold(version.md5 for version in versions)
        kept.sync(version.md5 for version in versions)
        return versions

    @contextmanager
    def _apart(self, lake: Path) -> Iterator[Warehouse]:
        place = Store(lake / EXPERIMENTS)
        place.sweep()
        with place.staging(f"{self.step.name}-{uuid4().hex}") as folder:
            house = open_apart(self.settings, folder, store=lake / "store", migrations=self.root / "migrations")
            try:
                yield house
            finally:
                house.lake.engine.dispose()

    def _windows(self, partition: Partition) -> dict[str, list[tuple[str, Partition]]]:
        windows = self.step.inputs(self.settings)
        return {
            name: [(name, partition.on(day)) for day in days.around(partition.day)] for name, days in windows.items()
        }

    def _partitions(self, house: Warehouse, given: Given) -> list[Partition]:
        """List what the step can have: the days on which there is something in each of its windows."""
        if "landed" in self.step.services:
            return list(self._landed(house))
        own_days = [name for name, days in self.step.inputs(self.settings).items() if days.last >= 0]
        return [
            partition
            for partition in sorted({partition for _, partition in given})
            if all(any(key in given for key in keys) for keys in self._windows(partition).values())
            and all((name, partition) in given for name in own_days)
        ]

    def _ensure_there(self, inputs: Sequence[Version], kept: Cache) -> None:
        """Give objects back to the store that were collected there."""
        md5s = {version.md5 for version in inputs}
        kept.hold(md5 for md5 in md5s if kept.store.object_path(md5).exists())
        for version in inputs:
            if not kept.path(version.md5).exists():
                raise CorruptObject(
                    f"{version.asset} of {version.partition} ({version.md5}) was removed since it was made: "
                    "`dvc repro --force` makes everything again"
                )
        kept.give_back(md5s)

    def _landed(self, house: Warehouse) -> Iterator[Partition]:
        for path in files_in(self.root / RECORDINGS):
            brought = land(path, house, instrument=None, rules=TickRules())
            if brought.damage:
                raise NotACapture(f"{path}: {brought.damage}")
        yield from landed_partitions(house)


def shared_lake(root: Path) -> Path:
    """Return the lake whose store experiments share: that of DVC's cache, also where DVC runs them in a copy.

    Raises:
        NotPublished: DVC was not told of the cache yet.
    """
    local = ConfigObj(str(root / ".dvc" / "config.local"), encoding="utf-8")
    cache = local.get("cache", {}).get("dir")
    if not cache:
        raise NotPublished("DVC does not know the lake yet: `trading-assets setup` tells it")
    return Path(cache).parent
