"""Where a version came from: the versions it was made of, and those of these, back to the captures.

Belongs here: following recorded inputs. Does not: showing them (cli/lineage), whether their bytes are kept (store).
"""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from trading_assets.storage.catalog import VersionRow
from trading_assets.storage.records import Version
from trading_assets.storage.rows import as_version


def origins_of(session: Session, version: Version) -> dict[tuple[str, str], Version]:
    """Return a version and everything it was made of, however far back, by asset and md5 of one instrument.

    Where equal bytes were published twice, the later is meant that came before what was made of it.
    """
    found = {(version.asset, version.md5): version}
    waiting: list[Version] = [version]
    while waiting:
        for made_of in _inputs_of(session, waiting.pop()):
            if (made_of.asset, made_of.md5) not in found:
                found[made_of.asset, made_of.md5] = made_of
                waiting.append(made_of)
    return found


def _inputs_of(session: Session, version: Version) -> Iterator[Version]:
    for asset, day, md5 in version.inputs:
        row = session.scalar(
            select(VersionRow)
            .where(
                VersionRow.asset == asset,
                VersionRow.day == day,
                VersionRow.instrument_id == str(version.partition.instrument),
                VersionRow.md5 == md5,
                VersionRow.published_at <= version.published_at,
            )
            .order_by(VersionRow.id.desc())
            .limit(1)
        )
        if row is not None:
            yield as_version(row)
