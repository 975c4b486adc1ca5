"""The quarantine as people tend it: what was refused, why, what stands instead, and dropping it.

A step's outputs are refused together, so whatever is done to one of them is done to all of its ticket.

Belongs here: finding refused files and dropping them.
Does not: refusing (lake), accepting (acceptance), looking into files (comparison).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from trading_assets.errors import NotInQuarantine
from trading_assets.identifiers import Instrument, Partition
from trading_assets.storage.catalog import PointerRow, QualityRow, QuarantineRow, TicketRow
from trading_assets.storage.database.transactions import query, transact
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Judgement, Origin, Version
from trading_assets.storage.rows import as_version
from trading_assets.storage.upkeep.audit import DROP, subject_of, write_down


class State(StrEnum):
    """What became of a refused file."""

    WAITING = "waiting"
    OVERTAKEN = "overtaken"
    """A later attempt at its partition was judged."""
    ACCEPTED = "accepted"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that its gate refused, where it lies, and what stands in its place."""

    asset: str
    partition: Partition
    ticket_id: int
    step: str
    run_id: str
    state: State
    reason: str
    refused_at: datetime
    md5: str
    path: Path
    suffix: str
    n_bytes: int | None
    n_rows: int | None
    """None where it could not be read when it was refused."""
    origin: Origin | None
    """None where it was refused by code that did not keep it."""
    circumstances: str | None
    """The attempt's digest of everything it was made from."""
    standing: Version | None

    @property
    def report(self) -> Path:
        """Where the report lies."""
        return self.path.with_name(f"{self.path.name}.report.json")

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return subject_of(self.asset, self.partition, self.ticket_id)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Everything that was refused."""

    lake: Lake

    def find(
        self,
        *,
        assets: Sequence[str] | None = None,
        instruments: Sequence[Instrument] | None = None,
        days: tuple[date, date] = (date.min, date.max),
    ) -> list[Refused]:
        """Return refused files of some assets and instruments (all by default) in a window of days, oldest first."""
        wanted = select(QuarantineRow).where(QuarantineRow.day.between(*days))
        if assets is not None:
            wanted = wanted.where(QuarantineRow.asset.in_(assets))
        if instruments is not None:
            wanted = wanted.where(QuarantineRow.instrument_id.in_([str(each) for each in instruments]))
        return self._select(wanted)

    def of_ticket(self, ticket_id: int) -> list[Refused]:
        """Return the files that were refused together.

        Raises:
            NotInQuarantine: nothing was refused with this ticket.
        """
        if found := self._select(select(QuarantineRow).where(QuarantineRow.ticket_id == ticket_id)):
            return found
        raise NotInQuarantine(
            f"ticket {ticket_id} has nothing in quarantine: see `trading-assets quarantine list --all`"
        )

    def newest(self, asset: str, partition: Partition) -> Refused:
        """Return the newest refused file of a partition.

        Raises:
            NotInQuarantine: none was refused.
        """
        found = self.find(assets=[asset], instruments=[partition.instrument], days=(partition.day, partition.day))
        if found:
            return found[-1]
        raise NotInQuarantine(f"no {asset} of {partition} was refused: see `trading-assets quarantine list --all`")

    def judgements(self, refused: Refused) -> list[Judgement]:
        """Return how every rule judged a refused file, the failed ones first."""
        statement = select(QualityRow).where(
            QualityRow.ticket_id == refused.ticket_id, QualityRow.asset == refused.asset
        )
        return query(
            self.lake.engine,
            lambda session: [
                Judgement(row.rule, row.measure, row.value, row.minimum, row.maximum, passed=row.passed)
                for row in session.scalars(statement.order_by(QualityRow.passed, QualityRow.rule))
            ],
        )

    def offenders(self, refused: Refused) -> list[dict[str, Any]]:
        """Return the rows that its report keeps of what the gate did not like; none where there is no report."""
        try:
            found = json.loads(refused.report.read_text()).get("offenders", [])
        except (OSError, ValueError, AttributeError):  # dropped, damaged by hand, or another's
            return []
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def failed_rules(self, refused: Sequence[Refused]) -> dict[str, list[str]]:
        """Return the rules that each of many refused files failed, by subject; none where a sibling's did."""
        statement = select(QualityRow).where(
            QualityRow.ticket_id.in_({each.ticket_id for each in refused}), QualityRow.passed.is_(other=False)
        )
        found: dict[tuple[int, str], list[str]] = {}
        for row in query(self.lake.engine, lambda session: session.scalars(statement.order_by(QualityRow.rule)).all()):
            found.setdefault((row.ticket_id, row.asset), []).append(row.rule)
        return {each.subject: found.get((each.ticket_id, each.asset), []) for each in refused}

    def drop(self, ticket_id: int, *, actor: str, reason: str, act: str = DROP) -> list[Refused]:
        """Remove what was refused with a ticket from disk; that it was refused, why, and who removed it, is kept.

        It is written down first, so that no bytes go without a word; dropping again removes what a crash left.

        Raises:
            NotInQuarantine: nothing was refused with this ticket, or it was accepted and is published.
        """
        found = self.of_ticket(ticket_id)
        mine = QuarantineRow.ticket_id == ticket_id

        def work(session: Session) -> None:
            rows = list(session.scalars(select(QuarantineRow).where(mine)))
            if any(row.accepted_at for row in rows):
                raise NotInQuarantine(f"ticket {ticket_id} was accepted: it is published, and nothing is left to drop")
            if any(row.dropped_at is None for row in rows):
                session.execute(update(QuarantineRow).where(mine).values(dropped_at=datetime.now(UTC)))
                for each in found:
                    write_down(session, act, each.subject, actor=actor, reason=reason)

        transact(self.lake.engine, work)
        for each in found:
            each.path.unlink(missing_ok=True)
            each.report.unlink(missing_ok=True)
        return found

    def _select(self, wanted: Select[QuarantineRow]) -> list[Refused]:
        in_order = wanted.order_by(QuarantineRow.ticket_id, QuarantineRow.asset)
        return query(
            self.lake.engine, lambda session: [self._refused(session, row) for row in session.scalars(in_order).all()]
        )

    def _refused(self, session: Session, row: QuarantineRow) -> Refused:
        ticket = session.get_one(TicketRow, row.ticket_id)
        pointer = session.get(PointerRow, {"asset": row.asset, "day": row.day, "instrument_id": row.instrument_id})
        return Refused(
            asset=row.asset,
            partition=Partition(row.day, Instrument.parse(row.instrument_id)),
            ticket_id=row.ticket_id,
            step=ticket.step,
            run_id=ticket.run_id,
            state=_state(session, row),
            reason=row.reason,
            refused_at=row.refused_at,
            md5=row.md5,
            path=self.lake.store.root / row.path,
            suffix=row.suffix or Path(row.path).name.partition(".")[2],
            n_bytes=row.n_bytes,
            n_rows=row.n_rows,
            origin=_origin(row),
            circumstances=ticket.origin,
            standing=as_version(pointer.version) if pointer else None,
        )


def _state(session: Session, row: QuarantineRow) -> State:
    if row.accepted_at:
        return State.ACCEPTED
    if row.dropped_at:
        return State.DROPPED
    newest = select(func.max(QualityRow.ticket_id)).where(
        QualityRow.asset == row.asset, QualityRow.day == row.day, QualityRow.instrument_id == row.instrument_id
    )
    return State.OVERTAKEN if (session.scalar(newest) or 0) > row.ticket_id else State.WAITING


def _origin(row: QuarantineRow) -> Origin | None:
    if row.code_version is None or row.settings_digest is None or row.inputs is None:
        return None
    inputs = tuple((asset, date.fromisoformat(day), md5) for asset, day, md5 in row.inputs)
    return Origin(row.code_version, row.settings_digest, inputs)
