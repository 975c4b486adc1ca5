"""Whether published bytes are still those that were published: here and in remotes; and healing one copy from another.

A copy is healed only by bytes that are compared with their name on the way, and what has no good copy is left alone:
nothing is ever removed.

Belongs here: what should be where, looking, and healing. Does not: how a place is read and written (copies), refusing
damaged bytes when they are read (store).
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from trading_assets.errors import CorruptObject
from trading_assets.storage.catalog import VersionRow
from trading_assets.storage.copies import Copies, Named
from trading_assets.storage.database.transactions import query
from trading_assets.storage.lake import Lake
from trading_assets.storage.snapshots.manifest import TREE, outs_of
from trading_assets.storage.snapshots.tables import SnapshotRow
from trading_assets.storage.upkeep.references import needed

MISSING: Final = "missing"
DAMAGED: Final = "damaged"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """A copy that is not good."""

    named: Named
    place: str
    problem: str
    """`missing` or `damaged`."""
    good: str | None
    """Where there is a good copy."""
    is_healed: bool = False


def named_objects(
    lake: Lake, *, since: datetime | None = None, sample: int | None = None, seed: int | None = None
) -> list[Named]:
    """List what the catalogue names, by md5, snapshots' lists of files too.

    Args:
        lake: whose catalogue.
        since: only what was published since.
        sample: only so many, chosen at random.
        seed: of the choice.
    """
    versions = select(VersionRow.md5, VersionRow.asset, VersionRow.day, VersionRow.instrument_id, VersionRow.n_bytes)
    lists = select(SnapshotRow.name, SnapshotRow.text)
    if since is not None:
        versions = versions.where(VersionRow.published_at >= since)
        lists = lists.where(SnapshotRow.taken_at >= since)

    def look(session: Session) -> dict[str, Named]:
        kept = needed(session)
        found = {
            md5: Named(md5, f"{asset} {day}|{instrument}", n_bytes, is_needed=md5 in kept)
            for md5, asset, day, instrument, n_bytes in session.execute(versions.order_by(VersionRow.id))
        }
        for name, text in session.execute(lists.order_by(SnapshotRow.id)):
            for out in outs_of(text):
                found[out.tree] = Named(out.tree, f"list of {out.asset} of snapshot {name}", 0, is_needed=False)
        return found

    found = query(lake.engine, look)
    chosen = [found[oid] for oid in sorted(found)]
    if sample is not None and sample < len(chosen):
        chosen = random.Random(seed).sample(chosen, sample)  # noqa: S311 - a choice, and no secret
    return chosen


def verify(objects: Iterable[Named], places: Sequence[Copies], *, scratch: Path | None) -> Iterator[list[Finding]]:
    """Re-hash each object in each place; yield what was found of it, mostly nothing.

    Args:
        objects: from `named_objects`.
        places: where copies are looked for; the first that has a good one heals the others.
        scratch: where bad copies are to be healed, a folder for a copy on its way.
    """
    for each in objects:
        states = {place.name: _state(place, each.oid) for place in places}
        good = next((place for place in places if states[place.name] is None), None)
        bad = [p for p in places if states[p.name] == DAMAGED or (states[p.name] == MISSING and p.expects(each))]
        found = [Finding(each, p.name, states[p.name] or "", good.name if good else None) for p in bad]
        if good is not None and bad and scratch is not None:
            found = _healed(found, bad, good, scratch / each.oid)
        yield found


def _healed(found: Sequence[Finding], bad: Sequence[Copies], good: Copies, aside: Path) -> list[Finding]:
    """Replace bad copies by a good one, and look at them again."""
    oid = found[0].named.oid
    _copy(good, oid, aside)
    for place in bad:
        place.replace(oid, aside)
    aside.unlink(missing_ok=True)
    return [replace(each, is_healed=_state(p, oid) is None) for each, p in zip(found, bad, strict=True)]


def _state(place: Copies, oid: str) -> str | None:
    try:
        with place.open(oid) as file:
            digest = hashlib.md5(usedforsecurity=False)
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return MISSING
    return None if digest.hexdigest() == oid.removesuffix(TREE) else DAMAGED


def _copy(place: Copies, oid: str, aside: Path) -> None:
    """Write a good copy, compared with its name as it is written: it may be damaged since it was looked at.

    Raises:
        CorruptObject: it is.
    """
    digest = hashlib.md5(usedforsecurity=False)
    with place.open(oid) as source, aside.open("wb") as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != oid.removesuffix(TREE):
        aside.unlink()
        raise CorruptObject(f"object {oid} in {place.name} changed while it was copied")
