"""From captures on disk to a rebuilt day: open, decode, and look at the day before only where it is needed.

Belongs here: which capture is read. Does not: decoding (decode), the book and the ledger (rebuild).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from trading_assets.identifiers import Partition
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.rebuild import RawDay, needs_yesterday, rebuild_day
from trading_assets.raw.ticker import comparable_tickers
from trading_assets.settings import Settings
from trading_assets.sources.reader import read_chunks
from trading_assets.storage.registry import TickRules


def replay_day(captures: Mapping[date, Path], partition: Partition, rules: TickRules, settings: Settings) -> RawDay:
    """Rebuild a day from its capture, and from that of the day before where the day does not begin with a snapshot.

    Raises:
        CorruptObject: a capture is damaged.
    """

    def messages(day: date) -> Messages:
        chunks = read_chunks(captures[day], max_line_bytes=settings.captures.max_line_bytes)
        return decode(chunks, instrument=partition.instrument, tick_size=rules.tick_size, lot_size=rules.lot_size)

    today = messages(partition.day)
    before = partition.day - timedelta(days=1)
    yesterday = messages(before) if before in captures and needs_yesterday(today) else None
    return rebuild_day(today, yesterday, day=partition.day, instrument=partition.instrument, depth=settings.book.depth)


def facts(day: RawDay) -> dict[str, object]:
    """Return what is worth knowing beside the rows: the fate of lines, what the ticker could say, the clocks apart."""
    return {
        "lines": {
            "in": day.counts.n_lines,
            "used": day.counts.used,
            "ignored": day.counts.ignored,
            "duplicates": day.counts.n_duplicates,
            "dead_letters": day.counts.n_dead_letters,
        },
        "tickers": comparable_tickers(day.snapshots, day.tickers),
        "clock_skew_ns": day.clock_skew,
        "n_rows_beyond_snapshot": day.n_rows_beyond_snapshot,
    }
