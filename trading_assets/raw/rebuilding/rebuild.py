"""One day of an instrument, from decoded messages to the rows of books, trades, gaps and dead letters.

Belongs here: which messages make a day, what becomes a row of which table, and that every line is accounted for.
Does not: the rules of sequence (sequence), the book (book), the ledger (gaps), judging any of it (quality, checks).

A book row follows each update that changed the book, each snapshot that was used, and each message that had to wait for
a missing one; the last kind shows no levels, because the book is then not known. `ts_recv` of a row is when it could be
known: the receive time of the latest message that had arrived, never falling. Rows that are not valid are those
that wait, and those whose book is crossed, locked or one-sided. A message that waited and was then applied makes two
rows. Valid rows are in the order of the venue's ids.

A day begins with what yesterday left: yesterday is replayed at full depth, and shows no rows. A day whose first
message is a snapshot needs no yesterday and never looks at one, so that its rows do not depend on what is at hand.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import NO_TIME, DeadLetter, Messages
from trading_assets.raw.rebuilding import gaps, sequence, trades
from trading_assets.raw.rebuilding.book import IN_STEP, Levels, Rows, replay
from trading_assets.raw.rebuilding.clock import clocks, skew_episodes
from trading_assets.raw.rebuilding.ladder import ladder
from trading_assets.raw.rebuilding.steps import APPLIED, FATES, Int8s, Steps
from trading_assets.raw.rebuilding.units import in_units
from trading_assets.venues import venue_of

_NS: int = 1_000_000_000


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
class RawDay:
    """Everything that one day of captures says, as frames to be audited and published together."""

    snapshots: pl.DataFrame  # schema.l2_snapshots(depth)
    trades: pl.DataFrame  # schema.TRADES
    gaps: pl.DataFrame  # schema.FEED_GAPS
    dead_letters: pl.DataFrame  # schema.DEAD_LETTERS
    tickers: pl.DataFrame  # ts_recv, seq_last and the best level: the venue's own word, evidence for the gate
    counts: Counts
    n_rows_beyond_snapshot: int  # rows that show a price deeper than any snapshot reached: levels between may lack
    clock_skew: dict[str, int]  # see Clocks.spread


def needs_yesterday(today: Messages) -> bool:
    """Say whether the book of the day starts from the day before: its first book message is no snapshot."""
    book = today.book
    first = np.lexsort((book.seq_last, book.ts_recv))[:1]
    return not book.is_snapshot[first].all()


def rebuild_day(
    today: Messages, yesterday: Messages | None, *, day: date, instrument: Instrument, depth: int
) -> RawDay:
    """Rebuild books, trades and gaps of one day.

    Args:
        today: the day's messages.
        yesterday: those of the day before; only looked at if `needs_yesterday(today)`.
        day: gaps that had ended before it are yesterday's.
        instrument: its venue chooses the sequence rule.
        depth: levels a side of the published book.

    Raises:
        InvalidIdentifier: the venue has no sequence rule.
    """
    captures = [today] if yesterday is None or not needs_yesterday(today) else [yesterday, today]
    plan = sequence.plan([capture.book for capture in captures], venue_of(instrument).rule)
    n_before = sum(len(capture.book.line_no) for capture in captures[:-1])
    rows = _rows(captures, plan.steps, depth=depth, n_before=n_before)
    snapshots = _row_heads(captures, plan.steps, rows)
    scale = {"px_decimals": today.px_decimals, "sz_decimals": today.sz_decimals}
    parts = [
        gaps.break_gaps(plan.breaks),
        gaps.crossed_gaps(snapshots),
        trades.trade_gaps(today.trades),
        skew_episodes(clocks(today)),
    ]
    day_rows = trades.trades_frame(today.trades, **scale)
    return RawDay(
        snapshots=_with_levels(snapshots, rows, depth=depth),
        trades=day_rows,
        gaps=gaps.ledger(parts, since_ns=int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * _NS),
        dead_letters=dead_letters_frame(today.dead_letters),
        tickers=_tickers(today),
        counts=_counts(today, plan.fate[n_before:], n_trades=len(day_rows)),
        n_rows_beyond_snapshot=rows.n_beyond_snapshot,
        clock_skew=clocks(today).spread(),
    )


def dead_letters_frame(letters: tuple[DeadLetter, ...]) -> pl.DataFrame:
    """Return the dead letters as `schema.DEAD_LETTERS`, in file order."""
    records = [(x.line_no, x.offset, x.n_bytes, x.reason, x.raw) for x in letters]
    return pl.DataFrame(records, schema=dict(schema.DEAD_LETTERS), orient="row")


def _rows(captures: list[Messages], steps: Steps, *, depth: int, n_before: int) -> Rows:
    """Replay all captures, and show the rows that arrivals after the first `n_before` messages set off."""
    rungs = ladder(captures)
    starts = np.cumsum([0, *(len(capture.book.px) for capture in captures)])
    ends = [capture.book.offsets[1:] + start for capture, start in zip(captures, starts, strict=False)]
    levels = Levels(
        np.concatenate([np.zeros(1, np.int64), *ends]),
        np.concatenate([capture.book.is_ask for capture in captures]),
        rungs.rank,
        np.concatenate([in_units(capture.book.sz, capture.sz_decimals) for capture in captures]),
    )
    first_shown = int(np.searchsorted(steps.cause >= n_before, True))  # noqa: FBT003 - a value to look for
    return replay(steps, levels, rungs.px, depth=depth, first_shown=first_shown)


def _row_heads(captures: list[Messages], steps: Steps, rows: Rows) -> pl.DataFrame:
    """Return time, ids and state of each row."""
    message = steps.message[rows.step]
    event, first, last = (
        np.concatenate([getattr(capture.book, name) for capture in captures])[message]
        for name in ("ts_event", "seq_first", "seq_last")
    )
    columns = {
        schema.TS_EVENT: pl.Series(event, dtype=pl.Int64),
        schema.TS_RECV: pl.Series(steps.ts[rows.step], dtype=pl.Int64),
        schema.SEQ_FIRST: first,
        schema.SEQ_LAST: last,
        schema.IS_VALID: rows.state == IN_STEP,
        "state": rows.state,
    }
    ts_event = pl.col(schema.TS_EVENT)
    frame = pl.DataFrame(columns).with_columns(pl.when(ts_event != NO_TIME).then(ts_event))
    return frame.cast({schema.TS_EVENT: schema.TIME, schema.TS_RECV: schema.TIME})


def _with_levels(heads: pl.DataFrame, rows: Rows, *, depth: int) -> pl.DataFrame:
    names = [schema.level(side, field, n) for n in range(depth) for side in schema.SIDES for field in schema.FIELDS]
    levels = [pl.Series(name, column, nan_to_null=True) for name, column in zip(names, rows.levels, strict=True)]
    return heads.drop("state").hstack(levels)


def _tickers(today: Messages) -> pl.DataFrame:
    """Return the venue's best bids and asks with the update id each was true at, in order of arrival."""
    ticks = today.tickers
    columns = {
        schema.TS_RECV: pl.Series(ticks.ts_recv, dtype=pl.Int64).cast(schema.TIME),
        schema.SEQ_LAST: pl.Series(ticks.seq, dtype=pl.Int64),
        schema.level("bid", "px", 0): in_units(ticks.bid_px, today.px_decimals),
        schema.level("bid", "sz", 0): in_units(ticks.bid_sz, today.sz_decimals),
        schema.level("ask", "px", 0): in_units(ticks.ask_px, today.px_decimals),
        schema.level("ask", "sz", 0): in_units(ticks.ask_sz, today.sz_decimals),
    }
    return pl.DataFrame(columns).sort(schema.TS_RECV, schema.SEQ_LAST, maintain_order=True)


def _counts(today: Messages, fate: Int8s, *, n_trades: int) -> Counts:
    n_fates = dict(zip(FATES, np.bincount(fate, minlength=len(FATES)).tolist(), strict=True))
    applied = fate == APPLIED
    used = {
        "depth_update": int((applied & ~today.book.is_snapshot).sum()),
        "snapshot": int((applied & today.book.is_snapshot).sum()),
        "trade": n_trades,
        "ticker": len(today.tickers.line_no),
    }
    unused = {name: n for name, n in n_fates.items() if n and name not in {"applied", "duplicate"}}
    repeats = n_fates["duplicate"] + len(today.trades.line_no) - n_trades
    return Counts(today.n_lines, used, {**today.ignored, **unused}, repeats, len(today.dead_letters))
