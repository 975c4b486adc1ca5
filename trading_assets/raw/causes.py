"""What it means that a book is refused, and the way out, in words.

Belongs here: causes that a number does not name. Does not: measuring (quality), limits (checks).
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from trading_assets.raw.rebuilding.findings import Findings
from trading_assets.schema import BOOK_CAUSES, CAUSE

NO_SNAPSHOT: Final = (
    "no snapshot was received, so the book was never known: changes alone do not say what they change. "
    "Import a file of the same day that has one, or one of the day before that ends with a known book"
)

BEHIND: Final = (
    "{n:,} changes and snapshots have update ids behind those of the book before them, so they were taken for old: the "
    "venue began its ids again, or files of two recordings are mixed. Import the recording of each apart, beginning "
    "with a snapshot"
)

_BEHIND_SHARE: Final = 0.05
"""A few updates are behind in any recording: those that a snapshot overtook."""
_IN_WORDS: Final = {"crossed": "crossed or without one of its sides"}


def book_causes(findings: Findings, *, is_ever_valid: bool) -> Iterator[tuple[str, str]]:
    """Yield measures of the book with what they mean if they are outside their limits.

    Args:
        findings: of the replay.
        is_ever_valid: whether any row of the book is.
    """
    counts = findings.counts
    n_behind = counts.ignored.get("stale", 0) + counts.ignored.get("unused_snapshot", 0)
    are_many_behind = n_behind > _BEHIND_SHARE * counts.used["depth_update"]
    if are_many_behind:
        yield "coverage", BEHIND.format(n=n_behind)
    if not is_ever_valid and not counts.used["snapshot"]:
        why = BEHIND.format(n=n_behind) if are_many_behind else NO_SNAPSHOT
        yield "valid_share", why
        yield "n_rows_lacking", why
        return
    causes = findings.gaps[CAUSE].cast(pl.String)
    counted = {cause: n for cause in BOOK_CAUSES if (n := int((causes == cause).sum()))}
    if counted:
        told = ", ".join(f"{n:,} {_IN_WORDS.get(cause, cause)}" for cause, n in counted.items())
        yield "valid_share", f"the ledger has gaps in which the book was not known, by cause: {told}"
