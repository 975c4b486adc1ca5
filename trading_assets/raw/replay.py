"""From captures on disk to a day's tables on disk: read, decode, rebuild and write, a stretch at a time.

Belongs here: which capture is read, and which file a row goes to.
Does not: decoding, the book and the ledger (rebuild).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.ahead import ahead
from trading_assets.identifiers import Partition
from trading_assets.raw.decoding.decode import decoded
from trading_assets.raw.fingerprint import Fingerprint
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.findings import Counts, Findings
from trading_assets.raw.rebuilding.rebuild import Rebuild, begins_without_book
from trading_assets.raw.rebuilding.stream import WINDOW
from trading_assets.raw.rebuilding.tickers import TICKERS
from trading_assets.raw.rebuilding.trades import in_order
from trading_assets.raw.ticker import comparable_tickers
from trading_assets.settings import Settings
from trading_assets.sources.reader import read_chunks
from trading_assets.storage.formats import TableWriter, write_parquet
from trading_assets.storage.registry import TickRules

TABLES: Final = ("raw_l2_snapshots", "raw_trades")
"""The tables that grow with the recording; the others are in the findings."""


@dataclass(frozen=True, slots=True)
class ReplayedDay:
    """A rebuilt day: its tables as files, what they held when they were made, and what else there is to say."""

    files: Mapping[str, Path]
    fingerprints: Mapping[str, Fingerprint]
    tickers: pl.LazyFrame  # rebuilding.tickers.TICKERS: the venue's own word, evidence for the gate
    findings: Findings

    @property
    def counts(self) -> Counts:
        """What became of each line of the capture."""
        return self.findings.counts


def replay_day(
    captures: Mapping[date, Path], partition: Partition, rules: TickRules, settings: Settings, workspace: Path
) -> ReplayedDay:
    """Rebuild a day from its capture, and from that of the day before where the day does not begin with a snapshot.

    Args:
        captures: by day; that of the partition's day at least.
        partition: the day and the instrument.
        rules: tick and lot size, where they are known.
        settings: the depth of the book, and limits of lines.
        workspace: an empty folder that the files are written to.

    Raises:
        CorruptObject: a capture is damaged.
        NotACapture: so many lines cannot be decoded that this is no recording of the instrument.
        OSError: the disk is full.
    """

    def messages(day: date) -> Iterator[Messages]:
        chunks = ahead(read_chunks(captures[day], max_line_bytes=settings.captures.max_line_bytes))
        return ahead(decoded(chunks, instrument=partition.instrument, tick_size=rules.tick_size))

    rebuild = Rebuild(day=partition.day, instrument=partition.instrument, depth=settings.book.depth)
    before = partition.day - timedelta(days=1)
    begin, today = _begun(messages(partition.day))
    if before in captures and begins_without_book(begin):
        for stretch in messages(before):
            rebuild.yesterday(stretch)
        rebuild.end_yesterday()
    shapes = {
        "raw_l2_snapshots": schema.l2_snapshots(settings.book.depth),
        "raw_trades": schema.TRADES,
        "tickers": TICKERS,
    }
    files = {name: workspace / f"{name}.parquet" for name in shapes}
    writers = {name: TableWriter(files[name], columns) for name, columns in shapes.items()}
    prints = {name: Fingerprint() for name in shapes}
    for name, columns in shapes.items():
        prints[name].add(pl.DataFrame(schema=columns))
    for name, rows in chain(chain.from_iterable(map(rebuild.today, today)), rebuild.end()):
        writers[name].add(rows)
        prints[name].add(rows)
    for writer in writers.values():
        writer.close()
    findings = rebuild.findings()
    if not findings.are_trades_sorted:
        trades = in_order(pl.read_parquet(files["raw_trades"]))
        write_parquet(trades, files["raw_trades"])
        prints["raw_trades"] = Fingerprint.of(trades)
        findings = findings.after_repeats(trades)
    prints |= {"feed_gaps": Fingerprint.of(findings.gaps), "dead_letters": Fingerprint.of(findings.dead_letters)}
    return ReplayedDay({name: files[name] for name in TABLES}, prints, pl.scan_parquet(files["tickers"]), findings)


def facts(day: ReplayedDay, snapshots: pl.LazyFrame) -> dict[str, object]:
    """Return what is worth knowing beside the rows: the fate of lines, what the ticker could say, the clocks apart."""
    findings = day.findings
    return {
        "lines": {
            "in": day.counts.n_lines,
            "used": day.counts.used,
            "ignored": day.counts.ignored,
            "duplicates": day.counts.n_duplicates,
            "dead_letters": day.counts.n_dead_letters,
        },
        "tickers": comparable_tickers(snapshots, day.tickers),
        "clock_skew_ns": findings.clock_skew,
        "checksums": {"compared": findings.n_checksums, "missed": findings.n_checksums_missed},
        "n_rows_beyond_snapshot": findings.n_rows_beyond_snapshot,
    }


def _begun(messages: Iterator[Messages]) -> tuple[list[Messages], Iterator[Messages]]:
    """Read on until a window of book messages was seen; return what was read, and all of it again with the rest."""
    begin: list[Messages] = []
    for stretch in messages:
        begin.append(stretch)
        if sum(len(each.book.line_no) for each in begin) >= WINDOW:
            break
    return begin, chain(begin, messages)
