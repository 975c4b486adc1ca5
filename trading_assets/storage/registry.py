"""What is known of instruments and refusals: the catalogue's smaller facts.

Belongs here: reading and writing those tables. Does not: publication (lake).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Engine, bindparam, func, select
from sqlalchemy.orm import Session

from trading_assets.identifiers import Instrument, Partition
from trading_assets.storage.catalog import (
    InstrumentRow,
    PointerRow,
    QualityRow,
    QuarantineRow,
)
from trading_assets.storage.database.transactions import query, transact

CAPTURES: Final = "captures"
"""The asset whose published days are the recorded ones."""
_REGISTERED: Final = select(PointerRow.day).where(
    PointerRow.asset == CAPTURES, PointerRow.instrument_id == bindparam("instrument")
)
_REGISTERED_AMONG: Final = _REGISTERED.where(PointerRow.day.in_(bindparam("days", expanding=True)))


@dataclass(frozen=True, slots=True)
class TickRules:
    """The venue's price and size steps, each None where nobody told us and it must be inferred."""

    tick_size: Decimal | None = None
    lot_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The newest staged file of a partition that its gate refused."""

    asset: str
    partition: Partition
    ticket_id: int
    reason: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class Registry:
    """Instruments, registered days and refusals."""

    engine: Engine

    def register(self, instrument: Instrument, rules: TickRules) -> None:
        """Make an instrument known; a tick or lot size given now replaces the one known before."""

        def work(session: Session) -> None:
            row = session.get(InstrumentRow, str(instrument)) or InstrumentRow(
                instrument_id=str(instrument),
                symbol=instrument.symbol,
                venue=instrument.venue,
                registered_at=datetime.now(UTC),
            )
            row.tick_size = str(rules.tick_size) if rules.tick_size else row.tick_size
            row.lot_size = str(rules.lot_size) if rules.lot_size else row.lot_size
            session.add(row)

        transact(self.engine, work)

    def tick_rules(self, instrument: Instrument) -> TickRules:
        """Return what is known of an instrument's steps."""
        row = query(self.engine, lambda session: session.get(InstrumentRow, str(instrument)))
        return TickRules() if row is None else as_rules(row)

    def instruments(self) -> list[Instrument]:
        """Return all registered instruments, sorted."""
        return query(
            self.engine,
            lambda session: [
                Instrument.parse(name) for name in sorted(session.scalars(select(InstrumentRow.instrument_id)))
            ],
        )

    def registered_days(self, instrument: Instrument) -> list[date]:
        """Return the days with a published capture, sorted: the days on which anything is expected."""
        return query(self.engine, lambda session: sorted(session.scalars(_REGISTERED, {"instrument": str(instrument)})))

    def registered_among(self, instrument: Instrument, days: Collection[date]) -> set[date]:
        """Return those of some days that have a published capture, in a time that their number decides."""
        return query(
            self.engine,
            lambda session: set(
                session.scalars(_REGISTERED_AMONG, {"instrument": str(instrument), "days": list(days)})
            ),
        )

    def standing_refusals(self, assets: Sequence[str], instrument: Instrument) -> dict[tuple[str, date], Refusal]:
        """Return, for each partition that was refused and neither judged nor accepted since, its newest refusal."""
        found = refusals(self.engine, assets, [instrument])
        return {(refusal.asset, refusal.partition.day): refusal for refusal in found}


def as_rules(row: InstrumentRow) -> TickRules:
    """Return the rules that a row holds."""
    return rules_from((row.tick_size, row.lot_size))


def rules_from(sizes: Sequence[str | None]) -> TickRules:
    """Return rules from their tick and lot size as texts."""
    return TickRules(*(Decimal(size) if size else None for size in sizes))


def refusals(engine: Engine, assets: Sequence[str], instruments: Sequence[Instrument] | None) -> list[Refusal]:
    """List the newest refusals that were neither overtaken by a later judgement nor accepted.

    Args:
        engine: the catalogue's.
        assets: of which assets.
        instruments: of which instruments; None for all.
    """
    judged_last = (
        select(func.max(QualityRow.ticket_id))
        .where(
            QualityRow.asset == QuarantineRow.asset,
            QualityRow.day == QuarantineRow.day,
            QualityRow.instrument_id == QuarantineRow.instrument_id,
        )
        .scalar_subquery()
    )
    of_instruments = [] if instruments is None else [QuarantineRow.instrument_id.in_(map(str, instruments))]
    statement = (
        select(QuarantineRow)
        .where(
            QuarantineRow.asset.in_(assets),
            QuarantineRow.accepted_at.is_(None),
            QuarantineRow.ticket_id >= func.coalesce(judged_last, 0),
            *of_instruments,
        )
        .order_by(QuarantineRow.ticket_id)
    )
    return query(
        engine,
        lambda session: [
            Refusal(
                row.asset,
                Partition(row.day, Instrument.parse(row.instrument_id)),
                row.ticket_id,
                row.reason,
                row.refused_at,
            )
            for row in session.scalars(statement)
        ],
    )
