"""One day of an instrument, from decoded messages to the rows of books, trades, gaps and dead letters.

Belongs here: which messages make a day, what becomes a row of which table, and that every line is accounted for.
Does not: the rules of sequence (sequence), the book (book), the ledger (gaps), judging any of it (quality, checks).

A book row follows each update that changed the book, each snapshot that was used, and each message that had to wait for
a missing one; the last kind shows no levels, because the book is then not known. `ts_recv` of a row is when it could be
known: the receive time of the latest message that had arrived, never falling. Rows that are not valid are those
that wait, those whose book differs from the venue's checksum, and those whose book is crossed, locked or one-sided. A
message that waited and was then applied makes two rows. Valid rows are in the order of the venue's ids.

A day begins with what yesterday left: yesterday is replayed at full depth, and shows no rows. A day whose first
message is a snapshot needs no yesterday and never looks at one, so that its rows do not depend on what is at hand.

Messages are taken a window at a time, and rows are handed over as they are made: memory does not grow with the day.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Final, Literal

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import NO_SEQ, SNAPSHOT, DeadLetter, Messages
from trading_assets.raw.rebuilding import gaps
from trading_assets.raw.rebuilding.book import Book, Levels, Rows
from trading_assets.raw.rebuilding.clock import Clocks
from trading_assets.raw.rebuilding.findings import Counts, Findings, dead_letters_frame
from trading_assets.raw.rebuilding.ladder import Ladder
from trading_assets.raw.rebuilding.rows import row_heads, with_levels
from trading_assets.raw.rebuilding.sequence import Sequencer
from trading_assets.raw.rebuilding.steps import FATES, Breaks, Window
from trading_assets.raw.rebuilding.stream import WINDOW, Reordered, Stream
from trading_assets.raw.rebuilding.tickers import Tickers
from trading_assets.raw.rebuilding.trades import Tape
from trading_assets.venues import interchange, venue_of

_NS: Final = 1_000_000_000
Table = Literal["raw_l2_snapshots", "raw_trades", "tickers"]


class Rebuild:
    """The rebuild of one day, fed with decoded messages in file order: first yesterday's, if any, then the day's.

    Args:
        day: gaps that had ended before it are yesterday's.
        instrument: its venue chooses the sequence rule.
        depth: levels a side of the published book.
        window: how many messages are put in order at a time.
    """

    def __init__(self, *, day: date, instrument: Instrument, depth: int, window: int = WINDOW) -> None:
        self._day, self._depth = day, depth
        self._instrument = instrument
        self._sequencer: Sequencer | None = None
        self._has_ids = True
        self._reordered, self._ladder, self._book = Reordered(window), Ladder(), Book(depth=depth)
        rule = venue_of(instrument).rule
        self._tape = Tape(are_consecutive=rule.are_trades_consecutive, window=window)
        self._tickers, self._clocks, self._changes = Tickers(rule, window), Clocks(window), gaps.StateChanges()
        self._px_decimals = 0
        self._breaks: list[Breaks] = []
        self._fates = np.zeros(len(FATES), np.int64)
        self._ignored: Counter[str] = Counter()
        self._dead: list[DeadLetter] = []
        self._invalid = [np.zeros(0, np.int64)]
        self._n_begun_anew = 0
        self._n_lines = self._n_snapshots = self._n_beyond = self._n_checked = self._n_mismatched = 0

    def yesterday(self, messages: Messages) -> None:
        """Take messages of the day before: they move the book and show nothing."""
        for window in self._reordered.push(self._stream(messages)):
            self._moved(window, is_shown=False)

    def end_yesterday(self) -> None:
        """Take what is held of the day before; arrivals of two days are not put in one order."""
        for window in self._reordered.flush():
            self._moved(window, is_shown=False)

    def today(self, messages: Messages) -> Iterator[tuple[Table, pl.DataFrame]]:
        """Take messages of the day; yield rows as they are made."""
        self._n_lines += messages.n_lines
        self._ignored.update(messages.ignored)
        self._dead += messages.dead_letters
        self._clocks.push(messages)
        for tickers in self._tickers.push(messages.tickers):
            yield "tickers", tickers
        for rows in self._tape.push(messages.trades):
            yield "raw_trades", rows
        for window in self._reordered.push(self._stream(messages)):
            yield from self._shown(window)

    def end(self) -> Iterator[tuple[Table, pl.DataFrame]]:
        """Yield the last rows: the day ends here."""
        for rows in self._tape.flush():
            yield "raw_trades", rows
        for window in self._reordered.flush():
            yield from self._shown(window)
        for tickers in self._tickers.rest():
            yield "tickers", tickers

    def findings(self) -> Findings:
        """Return what else there is to say, after the end."""
        open_break = [] if self._sequencer is None else [self._sequencer.unfinished]
        parts = [
            gaps.break_gaps([*self._breaks, *open_break], is_numbered=self._is_numbered),
            self._changes.gaps(),
            self._tape.gaps(),
            self._clocks.episodes(),
        ]
        midnight = datetime(self._day.year, self._day.month, self._day.day, tzinfo=UTC)
        return Findings(
            gaps=gaps.ledger(parts, since_ns=int(midnight.timestamp()) * _NS),
            dead_letters=dead_letters_frame(tuple(self._dead)),
            counts=self._counts(),
            n_trades=self._tape.n_rows,
            invalid=np.concatenate(self._invalid),
            has_ids=self._has_ids,
            has_book=self._sequencer is not None,
            n_trades_without_id=self._tape.n_without_id,
            n_trades_without_side=self._tape.n_without_side,
            are_trades_sorted=self._tape.is_sorted,
            n_begun_anew=self._n_begun_anew,
            n_rows_beyond_snapshot=self._n_beyond,
            n_checksums=self._n_checked,
            n_checksums_missed=self._n_mismatched,
            clock_skew=self._clocks.spread(),
            clocks=self._clocks.sample(),
        )

    @property
    def _is_numbered(self) -> bool:
        """Say whether the numbers that messages are followed by are the venue's."""
        return self._sequencer is not None and self._sequencer.is_numbered

    def _stream(self, messages: Messages) -> Stream:
        self._px_decimals = max(self._px_decimals, messages.px_decimals)
        return Stream.of(messages.book)

    def _moved(self, arrived: Stream, *, is_shown: bool) -> tuple[Window, Rows]:
        """Follow a window of messages, and lay it over the book."""
        if self._sequencer is None:
            self._has_ids = bool((arrived.last[arrived.kind <= SNAPSHOT] != NO_SEQ).any())
            self._sequencer = Sequencer(venue_of(self._instrument).rule if self._has_ids else interchange.RULE)
        window = self._sequencer.plan(arrived)
        self._breaks.append(window.breaks)
        messages = window.messages
        levels = Levels(
            messages.offsets,
            messages.is_ask,
            self._ladder.ranks(messages.px, self._px_decimals),
            messages.sz,
            messages.max_levels,
            messages.checksum,
            messages.px_places,
            messages.sz_places,
        )
        return window, self._book.replay(window.steps, levels, self._ladder.px, is_shown=is_shown)

    def _shown(self, arrived: Stream) -> Iterator[tuple[Table, pl.DataFrame]]:
        window, rows = self._moved(arrived, is_shown=True)
        self._fates += window.fates
        self._n_snapshots += window.n_snapshots
        self._n_begun_anew += window.n_begun_anew
        self._ignored.update({"mark": window.n_marks} if window.n_marks else {})
        self._n_beyond += rows.n_beyond_snapshot
        self._n_checked += rows.n_checked
        self._n_mismatched += rows.n_mismatched
        heads = row_heads(window, rows)
        self._changes.push(heads)
        self._invalid.append(heads.filter(~pl.col(schema.IS_VALID))[schema.TS_RECV].cast(pl.Int64).to_numpy())
        if len(heads):
            shown = with_levels(heads, rows, depth=self._depth)
            yield "raw_l2_snapshots", shown
            for tickers in self._tickers.beside(window.messages, window.steps.message[rows.step], shown):
                yield "tickers", tickers

    def _counts(self) -> Counts:
        fates = dict(zip(FATES, self._fates.tolist(), strict=True))
        used = {
            "depth_update": fates["applied"] - self._n_snapshots,
            "snapshot": self._n_snapshots,
            "trade": self._tape.n_lines,
            "ticker": self._tickers.n_lines,
        }
        unused = {name: n for name, n in fates.items() if n and name not in {"applied", "duplicate"}}
        ignored = {**dict(sorted(self._ignored.items())), **unused}
        repeats = fates["duplicate"] + self._tape.n_repeated_lines
        return Counts(self._n_lines, used, ignored, repeats, len(self._dead))


def begins_without_book(messages: Sequence[Messages]) -> bool:
    """Say whether the book of the day starts from the day before: its first book message is no snapshot.

    Args:
        messages: of the beginning of the day, a window of book messages if there are as many.
    """
    ts, last, is_snapshot = (
        np.concatenate([np.zeros(0), *(getattr(each.book, name) for each in messages)])
        for name in ("ts_recv", "seq_last", "is_snapshot")
    )
    first = np.lexsort((last, ts))[:1]
    return not bool(is_snapshot[first].all())
