"""The rebuild of a recording that fits in memory.

Belongs here: gathering what `Rebuild` hands over. Does not: anything that it does.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.findings import Counts, Findings
from trading_assets.raw.rebuilding.rebuild import Rebuild, Table, begins_without_book
from trading_assets.raw.rebuilding.stream import WINDOW
from trading_assets.raw.rebuilding.tickers import TICKERS
from trading_assets.raw.rebuilding.trades import in_order


@dataclass(frozen=True, slots=True)
class RawDay:
    """A whole day held in memory: what `Rebuild` hands over and finds."""

    snapshots: pl.DataFrame  # schema.l2_snapshots(depth)
    trades: pl.DataFrame  # schema.TRADES
    tickers: pl.DataFrame  # tickers.TICKERS
    findings: Findings

    @property
    def gaps(self) -> pl.DataFrame:
        """The ledger."""
        return self.findings.gaps

    @property
    def counts(self) -> Counts:
        """What became of each line."""
        return self.findings.counts


def rebuild_day(
    today: Messages, yesterday: Messages | None, *, day: date, instrument: Instrument, depth: int, window: int = WINDOW
) -> RawDay:
    """Rebuild books, trades and gaps of a recording that fits in memory.

    Args:
        today: the day's messages.
        yesterday: those of the day before; only looked at if `begins_without_book([today])`.
        day: gaps that had ended before it are yesterday's.
        instrument: its venue chooses the sequence rule.
        depth: levels a side of the published book.
        window: how many messages are put in order at a time.
    """
    rebuild = Rebuild(day=day, instrument=instrument, depth=depth, window=window)
    if yesterday is not None and begins_without_book([today]):
        rebuild.yesterday(yesterday)
        rebuild.end_yesterday()
    tables: dict[Table, list[pl.DataFrame]] = {
        "raw_l2_snapshots": [pl.DataFrame(schema=schema.l2_snapshots(depth))],
        "raw_trades": [pl.DataFrame(schema=schema.TRADES)],
        "tickers": [pl.DataFrame(schema=TICKERS)],
    }
    for rows in (rebuild.today(today), rebuild.end()):
        for table, frame in rows:
            tables[table].append(frame)
    findings = rebuild.findings()
    trades = pl.concat(tables["raw_trades"])
    if not findings.are_trades_sorted:
        trades = in_order(trades)
        findings = findings.after_repeats(trades)
    return RawDay(pl.concat(tables["raw_l2_snapshots"]), trades, pl.concat(tables["tickers"]), findings)
