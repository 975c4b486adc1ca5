"""How a version was made, step by step: what was read, with which settings and sources, and what came out.

Belongs here: reading that from the catalogue, in an order in which it can be done again.
Does not: whether it can be done with what is at hand (at_hand), doing it (kitchen, reproduce).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Partition
from trading_assets.storage.catalog import RecordedRow, TicketRow, VersionRow
from trading_assets.storage.lineage import origins_of
from trading_assets.storage.records import Version
from trading_assets.storage.rows import as_version

MODEL = "model"
SHORTEST = 6
"""Digits of a model's md5 that are enough to look for it by."""


@dataclass(frozen=True, slots=True)
class Making:
    """One execution of a step."""

    step: str
    partition: Partition
    inputs: tuple[Version, ...]
    outputs: Mapping[str, Version]
    """Those of its outputs that matter, by asset."""
    settings_digest: str
    settings: str | None
    """JSON of the values and tick rules that were recorded; None where they were not."""
    code_digest: str | None
    code: str | None
    """JSON of the commit and the sources' md5s that were recorded; None where they were not."""

    @property
    def values(self) -> dict[str, Any]:
        """The sections of the settings that the step read."""
        return dict(json.loads(self.settings or "{}").get("values", {}))

    @property
    def tick_rules(self) -> list[str | None] | None:
        """Tick and lot size as they were known, if the step asks for them."""
        rules: list[str | None] | None = json.loads(self.settings or "{}").get("tick_rules")
        return rules


def find_model(session: Session, wanted: str) -> Version:
    """Return the model of a version (its md5, or how that begins), or the one that stands of `DAY|INSTRUMENT`.

    Raises:
        NotPublished: there is none, or several begin so.
    """
    statement = select(VersionRow).where(VersionRow.asset == MODEL).order_by(VersionRow.id.desc())
    if "|" in wanted:
        partition = Partition.parse(wanted)
        of_day = VersionRow.day == partition.day, VersionRow.instrument_id == str(partition.instrument)
        rows = session.scalars(statement.where(*of_day).limit(1)).all()
    else:
        begins = VersionRow.md5.startswith(wanted, autoescape=True)
        rows = session.scalars(statement.where(begins)).all() if len(wanted) >= SHORTEST else []
    if not rows:
        raise NotPublished(f"no model {wanted!r} was published: `trading-assets status` shows versions")
    if len({row.md5 for row in rows}) > 1:
        raise NotPublished(f"several models begin with {wanted!r}: {', '.join(sorted({row.md5 for row in rows}))}")
    return as_version(rows[0])


def recipe_of(session: Session, version: Version) -> list[Making]:
    """Return every execution that led to a version, each after those whose outputs it read."""
    origins = origins_of(session, version)
    tickets = _tickets(session, origins.values())
    made: dict[int, dict[str, Version]] = {}
    for each in origins.values():
        made.setdefault(tickets[each.asset, each.md5].id, {})[each.asset] = each
    maker = {(each.asset, each.md5): number for number, outputs in made.items() for each in outputs.values()}
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for number, outputs in sorted(made.items()):
        read = {(asset, md5) for each in outputs.values() for asset, _, md5 in each.inputs}
        sorter.add(number, *sorted(maker[key] for key in read if key in maker))
    by_number = {ticket.id: ticket for ticket in tickets.values()}
    return [_making(session, by_number[n], made[n], origins) for n in sorter.static_order()]


def _tickets(session: Session, versions: Iterable[Version]) -> dict[tuple[str, str], TicketRow]:
    found = {}
    for version in versions:
        found[version.asset, version.md5] = session.scalars(
            select(TicketRow)
            .join(VersionRow, VersionRow.ticket_id == TicketRow.id)
            .where(
                VersionRow.asset == version.asset,
                VersionRow.day == version.partition.day,
                VersionRow.instrument_id == str(version.partition.instrument),
                VersionRow.md5 == version.md5,
                VersionRow.published_at == version.published_at,
            )
        ).one()
    return found


def _making(
    session: Session, ticket: TicketRow, outputs: dict[str, Version], origins: Mapping[tuple[str, str], Version]
) -> Making:
    first = next(iter(outputs.values()))
    inputs = [(asset, md5) for asset, _, md5 in first.inputs]
    if absent := [f"{asset} {md5}" for asset, md5 in inputs if (asset, md5) not in origins]:
        raise NotPublished(f"{ticket.step} of {first.partition} read {absent[0]}, of which the history knows nothing")
    settings = session.get(RecordedRow, first.settings_digest)
    code = session.get(RecordedRow, ticket.code_digest) if ticket.code_digest else None
    return Making(
        step=ticket.step,
        partition=first.partition,
        inputs=tuple(origins[key] for key in inputs),
        outputs=outputs,
        settings_digest=first.settings_digest,
        settings=settings.text if settings else None,
        code_digest=ticket.code_digest,
        code=code.text if code else None,
    )
