"""The publish protocol and the only way to read: nothing unaudited has a pointer, and readers follow pointers.

Publishing is: take a ticket, stage, let the gate judge the staged file, then `publish` or `refuse`.
A crash at any point leaves the old version or the new one. Source: docs/publishing.md.

Belongs here: tickets, pointers and the order of effects.
Does not: judging (orchestration/gate), computing (the stages), bytes on disk (store).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from polars.exceptions import PolarsError
from sqlalchemy import Engine, bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from trading_assets.errors import CatalogFailed, CorruptObject, DiskFull, LostRace, NotKept, NotPublished
from trading_assets.identifiers import Partition
from trading_assets.storage.attempts import FAILED, LOST, PUBLISHED, REFUSED, ended, has_ended, is_newest
from trading_assets.storage.catalog import PointerRow, TicketRow, VersionRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.durability.guard import publishing
from trading_assets.storage.durability.leftovers import remove_half_refusals
from trading_assets.storage.formats import Published, count_rows, open_published
from trading_assets.storage.ownership import claim, name_of
from trading_assets.storage.records import Draft, Origin, Ticket, Version
from trading_assets.storage.rows import as_refusal, as_version, move_pointer, published_as, record_judgements
from trading_assets.storage.store import Store
from trading_assets.storage.upkeep.audit import removal_of

_STANDING: Final = (
    select(VersionRow)
    .join(PointerRow, PointerRow.version_id == VersionRow.id)
    .where(
        PointerRow.asset.in_(bindparam("assets", expanding=True)),
        PointerRow.day.in_(bindparam("days", expanding=True)),
        PointerRow.instrument_id.in_(bindparam("instruments", expanding=True)),
    )
)
"""Written down once: each publication asks it."""


@dataclass(frozen=True, slots=True)
class Lake:
    """Everything that is published, and the one door in and out."""

    store: Store
    engine: Engine

    @contextmanager
    def ticket(
        self, step: str, partition: Partition, *, run_id: str, requested_by: str | None = None
    ) -> Iterator[Ticket]:
        """Take the newest ticket of a partition and a staging folder that lasts as long as the block.

        What earlier, dead holders left in staging and quarantine is cleared first.

        Raises:
            ForeignLake: the lake is another catalogue's.
            DiskFull, DiskFailed: the disk did not take it, here or within the block; nothing was published.
        """
        with disk_faults_named(self.store.root, f"{step} of {partition}"):
            self.store.sweep()
            number = self._take(step, partition, run_id, requested_by)
            remove_half_refusals(self.store, self.engine, partition)
            with self.store.staging(f"{number}-{step}") as folder:
                ticket = Ticket(number, step, partition, run_id, folder)
                try:
                    yield ticket
                except Exception as error:
                    self._give_up(ticket, error)
                    raise

    def _take(self, step: str, partition: Partition, run_id: str, requested_by: str | None) -> int:
        """Write a ticket down and return its number; one whose commit got no answer is left behind, and is older."""
        values = {
            "step": step,
            "day": partition.day,
            "instrument_id": str(partition.instrument),
            "run_id": run_id,
            "taken_at": datetime.now(UTC),
            "requested_by": requested_by,
        }

        def work(session: Session) -> TicketRow:
            claim(self.store.root, name_of(session.connection(), self.store.root))
            session.add(row := TicketRow(**values))
            return row

        return transact(self.engine, work, effect=Effect.TICKET_COMMITTED).id

    def _give_up(self, ticket: Ticket, error: Exception) -> None:
        """Say how an attempt failed; where even that cannot be written, silence counts as failed too."""
        if isinstance(error, CatalogFailed):
            return
        outcome = LOST if isinstance(error, LostRace) else FAILED
        with suppress(OSError, OperationalError, CatalogFailed, DiskFull):
            transact(
                self.engine,
                lambda session: ended(session, ticket, outcome, error=str(error)),
                effect=Effect.FAILURE_COMMITTED,
            )

    def stage(self, ticket: Ticket, asset: str, suffix: str, write: Callable[[Path], None]) -> Draft:
        """Write one output beside the store, where no reader looks."""
        return Draft(asset, suffix, self.store.stage(ticket.folder, f"{asset}.{suffix}", write))

    def stage_made(self, ticket: Ticket, asset: str, suffix: str, made: Path) -> Draft:
        """Take over one output that was written in the ticket's workspace, without copying it."""
        return Draft(asset, suffix, self.store.stage_made(ticket.folder, f"{asset}.{suffix}", made))

    def publish(self, ticket: Ticket, drafts: Sequence[Draft], origin: Origin) -> dict[str, Version]:
        """Move the pointers of all drafts in one transaction, if the ticket is still the newest.

        Raises:
            LostRace: a newer ticket was taken; nothing was published.
            ValueError: a draft was not judged, or did not pass: the caller must `refuse` it.
        """
        if any(not draft.judgements or not all(j.passed for j in draft.judgements) for draft in drafts):
            raise ValueError("only drafts that passed their gate can be published")
        rows = {draft.asset: count_rows(draft.file.path, draft.suffix) for draft in drafts}

        def work(session: Session) -> dict[str, Version]:
            if has_ended(session, ticket, PUBLISHED):
                return {draft.asset: as_version(published_as(session, ticket, draft)) for draft in drafts}
            _ensure_newest(session, ticket)
            record_judgements(session, ticket, drafts)
            ended(session, ticket, PUBLISHED)
            return {
                draft.asset: as_version(move_pointer(session, ticket, draft, rows[draft.asset], origin))
                for draft in drafts
            }

        with publishing(self.store.root):
            self.store.keep(*(draft.file for draft in drafts))
            return transact(self.engine, work, effect=Effect.PUBLICATION_COMMITTED)

    def refuse(self, ticket: Ticket, drafts: Sequence[Draft], origin: Origin, *, reason: str) -> list[Path]:
        """Move all drafts to quarantine with their report; what stands published stays as it is."""
        rows = {draft.asset: _rows_if_readable(draft) for draft in drafts}
        paths = []
        for draft in drafts:
            relative = Path(draft.asset, str(ticket.partition.day), str(ticket.partition.instrument))
            report = {
                "asset": draft.asset,
                "partition": str(ticket.partition),
                "md5": draft.file.md5,
                "run_id": ticket.run_id,
                "reason": reason,
                "judgements": [asdict(judgement) for judgement in draft.judgements],
                "offenders": draft.offenders,
            }
            paths.append(
                self.store.quarantine(
                    draft.file,
                    relative=relative / f"{ticket.id}.{draft.suffix}",
                    report=json.dumps(report, indent=2, default=str),
                )
            )

        def work(session: Session) -> None:
            if has_ended(session, ticket, REFUSED):
                return
            record_judgements(session, ticket, drafts)
            ended(session, ticket, REFUSED, error=reason)
            for draft, path in zip(drafts, paths, strict=True):
                place = str(path.relative_to(self.store.root))
                session.add(as_refusal(ticket, draft, rows[draft.asset], origin, place=place, reason=reason))

        transact(self.engine, work, effect=Effect.REFUSAL_COMMITTED)
        return paths

    def find(self, asset: str, partition: Partition) -> Version | None:
        """Return the standing version of a partition, or None."""
        return self.find_all([asset], [partition]).get((asset, partition))

    def find_all(self, assets: Sequence[str], partitions: Sequence[Partition]) -> dict[tuple[str, Partition], Version]:
        """Return the standing versions of many partitions, all of one moment."""
        wanted = set(partitions)
        among = {
            "assets": list(assets),
            "days": list({p.day for p in wanted}),
            "instruments": list({str(p.instrument) for p in wanted}),
        }

        versions = query(self.engine, lambda session: [as_version(row) for row in session.scalars(_STANDING, among)])
        return {(v.asset, v.partition): v for v in versions if v.partition in wanted}

    def resolve(self, asset: str, partition: Partition) -> Version:
        """Return the standing version of a partition.

        Raises:
            NotPublished: there is none; the message names the command that would make it.
        """
        if version := self.find(asset, partition):
            return version
        raise NotPublished(
            f"{asset} of {partition} is not published: make it with "
            f"`trading-assets run --instrument {partition.instrument} --start {partition.day} --end {partition.day}`"
        )

    def open(self, version: Version) -> Published:
        """Verify a version's bytes and hand them out.

        Raises:
            CorruptObject: the bytes are not those that were published.
            NotKept: the version was superseded, and retention removed its bytes.
        """
        try:
            return open_published(self.store.verified(version.md5), version.suffix)
        except CorruptObject:
            act = removal_of(self.engine, version.md5)
            if act is None or act.acted_at < version.published_at or self.store.object_path(version.md5).exists():
                raise
            raise NotKept(
                f"{version.asset} of {version.partition}: version {version.md5} no longer stands, and its bytes were "
                f"removed on {act.acted_at:%Y-%m-%d} by `trading-assets tidy`"
            ) from None


def _rows_if_readable(draft: Draft) -> int | None:
    try:
        return count_rows(draft.file.path, draft.suffix)
    except (OSError, PolarsError):
        return None  # that it cannot be read is what it was refused for


def _ensure_newest(session: Session, ticket: Ticket) -> None:
    if not is_newest(session, ticket):
        raise LostRace(
            f"{ticket.step} of {ticket.partition}: ticket {ticket.id} is no longer the newest, another run took over; "
            "nothing was published by this one"
        )
