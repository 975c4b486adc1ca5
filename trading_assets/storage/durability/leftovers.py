"""What a process that died in the middle of a refusal left in quarantine.

Files move into quarantine before the catalogue says so, and only what the catalogue says counts. A file there without
a row is half a refusal: the run that makes the partition again judges it again, so the half is removed.

Belongs here: telling such files from those of a refusal that is under way. Does not: staging folders (store).
"""

from collections import defaultdict
from pathlib import Path

from sqlalchemy import Engine, select

from trading_assets.identifiers import Partition
from trading_assets.storage.catalog import QuarantineRow
from trading_assets.storage.database.transactions import query
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.store import Store


def remove_half_refusals(store: Store, engine: Engine, partition: Partition) -> None:
    """Remove a partition's quarantined files whose ticket has neither a row that says so nor a living owner.

    The order of the three looks makes it safe: who is not living at the second has committed, if ever, before it.
    """
    files = _files_by_ticket(store, partition)
    if not files:
        return
    ended = set(files) - {int(name.partition("-")[0]) for name in store.living()}
    recorded = query(
        engine,
        lambda session: set(session.scalars(select(QuarantineRow.ticket_id).where(QuarantineRow.ticket_id.in_(ended)))),
    )
    for number in sorted(ended - recorded):
        for path in files[number]:
            effects.passing(Effect.HALF_REFUSAL_REMOVED)
            path.unlink(missing_ok=True)


def _files_by_ticket(store: Store, partition: Partition) -> dict[int, list[Path]]:
    files = defaultdict(list)
    for path in sorted(store.quarantined(partition)):
        number = path.name.split(".")[0]
        if number.isdecimal():
            files[int(number)].append(path)
    return files
