"""On which days an asset is not to be had, since the recording holds nothing to make it of: for readers.

Belongs here: asking it of an asset by its name. Does not: what follows for runs (execute, market_plan).
"""

from collections.abc import Mapping
from datetime import date

from trading_assets.errors import NotExpected, NotPublished
from trading_assets.graph import graph_outlines
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import bare_of
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.records import Version


def needs_of(asset: str, warehouse: Warehouse) -> Mapping[str, str]:
    """Return the tables of which an asset needs a row, and what it means that one has none."""
    return next((step.needs for step in graph_outlines(warehouse.settings) if asset in step.outputs), {})


def lacking(asset: str, instrument: Instrument, warehouse: Warehouse) -> dict[date, str]:
    """Return the days of an instrument that an asset cannot have, and why; none for an asset that the graph lacks."""
    needs = needs_of(asset, warehouse)
    return {date.fromordinal(day): why for day, why in bare_of(needs, instrument, warehouse).items()}


def standing(asset: str, partition: Partition, warehouse: Warehouse) -> Version:
    """Return the standing version of a partition.

    Raises:
        NotExpected: there can be none.
        NotPublished: there is none; the message names the command that would make it, or bring its recording in.
    """
    if version := warehouse.lake.find(asset, partition):
        return version
    if why := lacking(asset, partition.instrument, warehouse).get(partition.day):
        raise NotExpected(f"there can be no {asset} of {partition}: {why}")
    if not warehouse.registry.registered_among(partition.instrument, [partition.day]):
        raise NotPublished(
            f"nothing of {partition.instrument} was recorded on {partition.day}: `trading-assets import FILE` brings a "
            "recording in, `trading-assets status` shows those that there are"
        )
    return warehouse.lake.resolve(asset, partition)
