"""Which of Dagster's finished runs may be forgotten, and forgetting them.

A partition is shown by its newest attempt and by its newest publication, each with their checks, so the runs of these
are kept however old they are. Every attempt is a ticket in the catalogue, which says whose runs they are.

Belongs here: runs, their events and their logs. Does not: objects and refused files (storage/upkeep/retention).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import dagster as dg
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from trading_assets.storage.attempts import ACCEPTED, PUBLISHED
from trading_assets.storage.catalog import PointerRow, TicketRow, VersionRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.upkeep.audit import TIDY, write_down_all
from trading_assets.storage.upkeep.retention import Removable
from trading_assets.storage.upkeep.usage import measure

FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def removable_runs(instance: dg.DagsterInstance, engine: Engine, home: Path, before: datetime) -> list[Removable]:
    """Find runs that finished before a moment and hold the newest of nothing."""
    kept = query(engine, _newest_runs)
    records = instance.get_run_records(dg.RunsFilter(statuses=list(FINISHED), updated_before=before), ascending=True)
    return [_removable(record, home) for record in records if record.dagster_run.run_id not in kept]


def remove_runs(
    instance: dg.DagsterInstance, engine: Engine, home: Path, chosen: Sequence[Removable], *, actor: str
) -> list[Removable]:
    """Forget runs: written down first, then their events, then their logs."""
    for each in chosen:
        write_down_all(engine, [(each.subject, each.what)], TIDY, actor=actor)
        instance.delete_run(each.name)
        instance.compute_log_manager.delete_logs(prefix=[each.name])
        for path in _files(each.name, home):  # of a deleted run SQLite keeps an empty file of the same size
            if path.is_file():
                path.unlink()
    return list(chosen)


def _removable(record: dg.RunRecord, home: Path) -> Removable:
    run = record.dagster_run
    what = f"{run.job_name}, {run.status.value.lower()} {record.update_timestamp:%Y-%m-%d}"
    return Removable("run", run.run_id, what, sum(measure("", path).n_bytes for path in _files(run.run_id, home)))


def _newest_runs(session: Session) -> set[str]:
    """Return the runs of each partition's newest attempt, newest publication and standing version."""
    newest = select(func.max(TicketRow.id)).group_by(TicketRow.step, TicketRow.day, TicketRow.instrument_id)
    published = newest.where(TicketRow.outcome.in_((PUBLISHED, ACCEPTED)))
    standing = select(VersionRow.run_id).join(PointerRow, PointerRow.version_id == VersionRow.id)
    attempts = select(TicketRow.run_id).where(TicketRow.id.in_(newest) | TicketRow.id.in_(published))
    return {*session.scalars(attempts), *session.scalars(standing)}


def _files(run_id: str, home: Path) -> list[Path]:
    """Name what a run leaves under Dagster's home: its events, where they are SQLite, and its logs."""
    return [*(home / "history" / "runs").glob(f"{run_id}.db*"), home / "storage" / run_id]
