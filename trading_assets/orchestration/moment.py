"""What plans ask about, as it is at one moment: read once, for all partitions, and then asked as often as one likes.

Belongs here: reading it. Does not: concluding anything from it (plan), or what happened since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from trading_assets.identifiers import Instrument
from trading_assets.orchestration.landed import landed_under
from trading_assets.storage.database.transactions import query
from trading_assets.storage.overview import Stands, bare_days, rules_of, standing_of
from trading_assets.storage.registry import TickRules, refusals
from trading_assets.storage.upkeep.acts import all_acceptances

_NOTHING: Final = Stands({}, {})


@dataclass(frozen=True, slots=True)
class Market:
    """Everything of one instrument that a plan asks about."""

    instrument: Instrument
    stands: Mapping[str, Stands]
    """By asset."""
    landed: frozenset[int]
    """Ordinals of the days with imported lines that are not yet published."""
    rules: TickRules
    refused: Mapping[tuple[str, date], str]
    """Why the newest staged file of an asset and day was refused, where it was."""
    accepted: Mapping[tuple[str, date], str]
    """On whose word the version of an asset and day stands, and why, where a person accepted it."""
    bare: Mapping[str, frozenset[int]]
    """Ordinals of the days on which what stands of an asset has no row, of assets that were asked about."""

    @property
    def registered(self) -> Mapping[int, str]:
        """Ordinals of the days with a published capture."""
        return self.of("captures").md5s

    @property
    def recorded(self) -> list[date]:
        """The days with a capture, published or just landed, in order."""
        return [date.fromordinal(day) for day in sorted(self.landed.union(self.registered))]

    def of(self, asset: str) -> Stands:
        """Return what stands of an asset."""
        return self.stands.get(asset, _NOTHING)


def markets_now(
    engine: Engine,
    lake: Path,
    assets: Sequence[str],
    instruments: Sequence[Instrument] | None,
    *,
    needed: Sequence[str] = (),
) -> list[Market]:
    """Read everything that stands of some instruments; for None, of all that were ever registered or have landed.

    Args:
        engine: the catalogue's.
        lake: the lake's root, under which imported lines lie.
        assets: of which refusals and acceptances are wanted.
        instruments: in the order in which they are returned.
        needed: assets of which it matters whether they have a row.
    """
    landed: dict[Instrument, set[int]] = {}
    for partition in landed_under(lake):
        landed.setdefault(partition.instrument, set()).add(partition.day.toordinal())
    names = None if instruments is None else [str(each) for each in instruments]
    rules, stands, bare = query(
        engine,
        lambda session: (
            (
                rules_of(session, names),
                standing_of(session, names),
                bare_days(session, needed, names),
            )
        ),
    )
    refused: dict[Instrument, dict[tuple[str, date], str]] = {}
    for refusal in refusals(engine, assets, instruments):
        partition = refusal.partition
        refused.setdefault(partition.instrument, {})[refusal.asset, partition.day] = refusal.reason
    accepted: dict[Instrument, dict[tuple[str, date], str]] = {}
    for (asset, partition), act in all_acceptances(engine, assets, instruments).items():
        told = f"accepted by {act.actor}: {act.reason}"
        accepted.setdefault(partition.instrument, {})[asset, partition.day] = told
    chosen = sorted({*map(Instrument.parse, rules), *landed}) if instruments is None else instruments
    return [
        Market(
            each,
            stands.get(str(each), {}),
            frozenset(landed.get(each, ())),
            rules.get(str(each), TickRules()),
            refused.get(each, {}),
            accepted.get(each, {}),
            bare.get(str(each), {}),
        )
        for each in chosen
    ]
