"""What an attempt depends on: in equal circumstances it ends the same way.

Belongs here: digests of inputs, code and settings, and what is recorded of these. Does not: executing (execute).
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from trading_assets.identifiers import Partition
from trading_assets.orchestration.outline import with_rules
from trading_assets.orchestration.sources import sources
from trading_assets.orchestration.step import Step
from trading_assets.storage.records import MadeWith, Origin, Version

if TYPE_CHECKING:
    from trading_assets.orchestration.warehouse import Warehouse


def origin_of(step: Step, partition: Partition, warehouse: "Warehouse", inputs: list[Version]) -> Origin:
    """Name everything a step's result depends on."""
    digest = warehouse.settings.digest(step.reads)
    if "tick_rules" in step.services:
        digest = with_rules(digest, warehouse.registry.tick_rules(partition.instrument))
    return Origin(step.code_version, digest, tuple(sorted((v.asset, v.partition.day, v.md5) for v in inputs)))


def made_with(step: Step, partition: Partition, warehouse: "Warehouse", origin: Origin) -> MadeWith:
    """Say with which settings, tick rules and sources a step is about to run, word for word."""
    told: dict[str, Any] = {"values": warehouse.settings.values(step.reads)}
    if "tick_rules" in step.services:
        rules = warehouse.registry.tick_rules(partition.instrument)
        told["tick_rules"] = [size and str(size) for size in (rules.tick_size, rules.lot_size)]
    return MadeWith(origin.settings_digest, json.dumps(told, sort_keys=True), *sources())


def circumstances(step: Step, partition: Partition, warehouse: "Warehouse", origin: Origin) -> str:
    """Digest all that an attempt depends on, imported files included: in equal circumstances it ends the same way."""
    landed = [path.name for path in warehouse.landed(partition)] if "landed" in step.services else []
    return hashlib.md5(repr((origin, landed)).encode(), usedforsecurity=False).hexdigest()
