"""DVC's lists of files, one an asset: made of what stands, or of the last list and what changed since.

Belongs here: which lists change, and from what. Does not: how one is written (manifest), where it is kept (cache).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy.orm import Session

from trading_assets.errors import CorruptObject
from trading_assets.storage.snapshots.cache import Cache
from trading_assets.storage.snapshots.history import Entry, standing_at
from trading_assets.storage.snapshots.manifest import Out, Tree, changed_tree, tree_of


def lists_of(entries: Iterable[Entry]) -> list[Tree]:
    """List the files of each asset."""
    return [tree_of(asset, some) for asset, some in _by_asset(entries)]


def changed_lists(
    session: Session, cache: Cache, before: Sequence[Out], gone: Iterable[Entry], new: Iterable[Entry], cut: int
) -> Iterator[Tree]:
    """List the files of each asset that changed: from its last list, or anew where that is lost or damaged.

    Args:
        session: of the catalogue.
        cache: where the last lists are.
        before: what the snapshot before names.
        gone: what it names and this one does not.
        new: what this one names and that does not.
        cut: the moment of this one.
    """
    outs = {out.asset: out for out in before}
    former = {asset: list(some) for asset, some in _by_asset(gone)}
    for asset, some in _by_asset(new):
        if asset not in outs:
            yield tree_of(asset, some)
            continue
        try:
            yield changed_tree(cache.read(outs[asset]), former.get(asset, []), some)
        except (FileNotFoundError, CorruptObject):
            yield tree_of(asset, standing_at(session, cut, asset))


def _by_asset(entries: Iterable[Entry]) -> Iterator[tuple[str, Iterator[Entry]]]:
    asset = attrgetter("asset")
    return groupby(sorted(entries, key=asset), key=asset)
