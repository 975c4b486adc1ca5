"""What the catalogue and the lake hold of one partition, collected for its section.

Belongs here: reading verified bytes and judgements. Does not: drawing (pictures), concluding (verdict).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl
from sqlalchemy import select

from trading_assets import schema
from trading_assets.errors import CorruptObject
from trading_assets.identifiers import Partition
from trading_assets.models.document import ModelDocument
from trading_assets.orchestration.plan import Standing
from trading_assets.report.records import Gap, Refusal, Section
from trading_assets.schema import BOOK_CAUSES
from trading_assets.storage.catalog import QualityRow, QuarantineRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Judgement
from trading_assets.storage.upkeep.quarantine import Quarantine, State

MAX_GAPS: Final = 40
"""Rows of a ledger that a section lists."""
_NOT_READ: Final = frozenset({"captures"})
"""Recordings are large, and all that is shown of them was counted when they were published."""
_RAW: Final = frozenset({"raw_l2_snapshots", "raw_trades", "feed_gaps"})
_TIME: Final = "%H:%M:%S.%f"


@dataclass(slots=True)
class Published:
    """What stands for a partition, by asset, each file verified when it was opened."""

    tables: dict[str, pl.LazyFrame] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def open_standing(standings: Sequence[Standing], lake: Lake) -> Published:
    """Open everything that stands; what was damaged since is named, not shown."""
    found = Published()
    for standing in standings:
        if standing.version is None or standing.asset in _NOT_READ:
            continue
        try:
            content = lake.open(standing.version)
        except CorruptObject as error:
            found.damaged.append(f"{standing.asset}: {error}")
            continue
        if isinstance(content, pl.LazyFrame):
            found.tables[standing.asset] = content
        elif isinstance(content, bytes):
            found.documents[standing.asset] = content
    return found


def open_refused(refusals: Sequence[Refusal]) -> Published:
    """Open the newest refused tables of the raw pass, if their bytes are those that were judged.

    Nobody else reads them: they are for a person to see what was wrong with a day of which nothing stands.
    """
    newest = {refusal.file.asset: refusal.file for refusal in refusals if refusal.file.asset in _RAW}
    sound = {asset: file.path for asset, file in newest.items() if _md5_of(file.path) == file.md5}
    return Published({asset: pl.scan_parquet(path) for asset, path in sound.items()})


def section_of(partition: Partition, standings: Sequence[Standing], published: Published, lake: Lake) -> Section:
    """Collect all of a section but its pictures."""
    section = Section(partition, standings, damaged=published.damaged)
    section.rules = rules_of(partition, lake)
    section.refusals = refusals_of(partition, lake)
    section.facts = _facts(section, published)
    show_ledger(section, published)
    if content := published.documents.get("model"):
        section.model = ModelDocument.from_bytes(content)
    return section


def show_ledger(section: Section, tables: Published) -> None:
    """List the first rows of a ledger."""
    if (ledger := tables.tables.get("feed_gaps")) is not None:
        gaps = ledger.collect()
        section.n_gaps, section.gaps = gaps.height, _listed(gaps.head(MAX_GAPS))


def rules_of(partition: Partition, lake: Lake) -> dict[str, list[Judgement]]:
    """Return how the rules last judged each asset that passed or was accepted, failed ones first."""
    refused = select(QuarantineRow.ticket_id).where(
        QuarantineRow.day == partition.day,
        QuarantineRow.instrument_id == str(partition.instrument),
        QuarantineRow.accepted_at.is_(None),
    )
    judged = select(QualityRow).where(
        QualityRow.day == partition.day,
        QualityRow.instrument_id == str(partition.instrument),
        QualityRow.ticket_id.not_in(refused),
    )
    newest: dict[str, tuple[int, list[Judgement]]] = {}
    in_order = judged.order_by(QualityRow.ticket_id, QualityRow.passed, QualityRow.rule)
    for row in query(lake.engine, lambda session: session.scalars(in_order).all()):
        if newest.get(row.asset, (0,))[0] < row.ticket_id:
            newest[row.asset] = (row.ticket_id, [])
        newest[row.asset][1].append(
            Judgement(row.rule, row.measure, row.value, row.minimum, row.maximum, passed=row.passed)
        )
    return {asset: judgements for asset, (_, judgements) in newest.items()}


def refusals_of(partition: Partition, lake: Lake) -> list[Refusal]:
    """Return what waits in quarantine for a person, with its judgements."""
    tended = Quarantine(lake)
    found = tended.find(instruments=[partition.instrument], days=(partition.day, partition.day))
    return [Refusal(file, tended.judgements(file)) for file in found if file.state is State.WAITING]


def _md5_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except FileNotFoundError:
        return None


def _facts(section: Section, published: Published) -> dict[str, str]:
    """Say what is covered, in a dozen numbers."""
    rows = {standing.asset: standing.version.n_rows for standing in section.standings if standing.version}
    measured = {(asset, j.measure): j.value for asset, rules in section.rules.items() for j in rules}
    found = {
        "lines received": _count(measured.get(("captures", "n_lines"))),
        "book rows": _count(rows.get("raw_l2_snapshots")),
        "book valid": _share(measured.get(("raw_l2_snapshots", "valid_share"))),
        "recording covered": _share(measured.get(("raw_l2_snapshots", "coverage"))),
        "trades": _count(rows.get("raw_trades")),
        "dead letters": _count(rows.get("dead_letters")),
        "feature ticks": _count(rows.get("book_features")),
    }
    book, gaps = published.tables.get("raw_l2_snapshots"), published.tables.get("feed_gaps")
    if book is not None:
        found = {**_span(book), **found}
    if book is not None and gaps is not None:
        found |= {"without a book": _lost(book, gaps)}
    return {name: value for name, value in found.items() if value}


def _span(book: pl.LazyFrame) -> dict[str, str]:
    time, skew = pl.col(schema.TS_RECV), pl.col(schema.TS_RECV) - pl.col(schema.TS_EVENT)
    first, last, apart = (
        book.select(time.min(), time.max().alias("last"), (skew.dt.total_nanoseconds().median() / 1e6).alias("apart"))
        .collect()
        .row(0)
    )
    if first is None:
        return {}
    return {
        "recorded, UTC": f"{first:%H:%M:%S} to {last:%H:%M:%S}",
        "received after sent, median": "unknown" if apart is None else f"{apart:,.1f} ms",
    }


def _lost(book: pl.LazyFrame, gaps: pl.LazyFrame) -> str:
    """Add up the time within the recording in which there was no valid book."""
    times = pl.col(schema.TS_RECV)
    first, last = book.select(times.min().alias("first"), times.max().alias("last")).collect().row(0)
    cut = [pl.lit(time, dtype=schema.TIME) for time in (first, last)]
    of_book = gaps.filter(pl.col(schema.CAUSE).cast(pl.String).is_in(BOOK_CAUSES))
    start = pl.max_horizontal(schema.TS_START, cut[0])
    end = pl.min_horizontal(pl.col(schema.TS_END).fill_null(cut[1]), cut[1])
    n, lost = (
        of_book.select(pl.len(), (end - start).dt.total_nanoseconds().clip(0).sum().alias("lost")).collect().row(0)
    )
    return f"{lost / 1e9:,.1f} s in {n:,} gap{'s' * (n != 1)}" if n else "never"


def _listed(gaps: pl.DataFrame) -> list[Gap]:
    return [_gap(row) for row in gaps.iter_rows(named=True)]


def _gap(row: dict[str, Any]) -> Gap:
    start, end = row[schema.TS_START], row[schema.TS_END]
    return Gap(
        cause=str(row[schema.CAUSE]),
        start=start.strftime(_TIME)[:-3] if start else "unknown",
        end=end.strftime(_TIME)[:-3] if end else "open",
        seconds=(end - start).total_seconds() if start and end else None,
        seq_before=row[schema.SEQ_BEFORE],
        seq_after=row[schema.SEQ_AFTER],
    )


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
