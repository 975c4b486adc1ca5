"""What a rebuilt day says beside its books and trades: the ledger, dead letters, and the fate of every line.

Belongs here: records. Does not: how they come about (rebuild).
"""

from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from trading_assets import schema
from trading_assets.raw.messages import DeadLetter, Int64s


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of each line of the capture."""

    n_lines: int
    used: dict[str, int]  # kind -> lines
    ignored: dict[str, int]  # kind, or why -> lines
    n_duplicates: int
    n_dead_letters: int

    @property
    def n_accounted(self) -> int:
        """Lines with a fate: equal to `n_lines`, or a line was lost on the way."""
        return sum(self.used.values()) + sum(self.ignored.values()) + self.n_duplicates + self.n_dead_letters


@dataclass(frozen=True, slots=True)
class Findings:
    """What a day of captures says beside its books and trades."""

    gaps: pl.DataFrame  # schema.FEED_GAPS
    dead_letters: pl.DataFrame  # schema.DEAD_LETTERS
    counts: Counts
    n_trades: int  # rows of raw_trades; a line may hold several
    invalid: Int64s  # ts_recv (ns) of the book rows that are not valid
    has_ids: bool  # the source numbers its updates
    has_book: bool  # the source says something of the book; else it has trades only
    n_trades_without_id: int
    n_trades_without_side: int
    are_trades_sorted: bool  # as handed over; else they are to be put `in_order`
    n_begun_anew: int  # times that a snapshot of the stream began the book anew: its ids may begin anew too
    n_rows_beyond_snapshot: int  # rows that show a price deeper than any snapshot reached: levels between may lack
    n_checksums: int  # books that were held against a checksum of the venue
    n_checksums_missed: int
    clock_skew: dict[str, int]  # see Clocks.spread
    clocks: pl.DataFrame  # see Clocks.sample

    def after_repeats(self, trades: pl.DataFrame) -> Self:
        """Return the same findings of the trades that are left without repeats, each of which was a line of its own."""
        counts, n_removed = self.counts, self.n_trades - len(trades)
        used = {**counts.used, "trade": counts.used["trade"] - n_removed}
        counts = replace(counts, used=used, n_duplicates=counts.n_duplicates + n_removed)
        n_without_side = trades[schema.AGGRESSOR_SIDE].null_count()
        return replace(self, counts=counts, n_trades=len(trades), n_trades_without_side=n_without_side)


def dead_letters_frame(letters: tuple[DeadLetter, ...]) -> pl.DataFrame:
    """Return the dead letters as `schema.DEAD_LETTERS`, in file order."""
    records = [(x.line_no, x.offset, x.n_bytes, x.reason, x.raw) for x in letters]
    return pl.DataFrame(records, schema=dict(schema.DEAD_LETTERS), orient="row")
