"""The gap ledger that a recording must lead to, computed in the plainest way from its lines.

Belongs here: one record a row of `feed_gaps`, for every cause; docs/time.md is what it follows.
Does not: production code: nothing of `raw` is used, so that agreement says something.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from statistics import median
from typing import Final

from trading_assets.schema import GAP_CAUSES
from trading_assets.sources.faults.book import Arrival, NaiveBook, Row, arrivals
from trading_assets.sources.faults.wire import Said

SKEW_NS: Final = 1_000_000_000
SKEW_RUN: Final = 10
SKEW_BLOCK: Final = 256
SKEW_MEMORY: Final = 9
"""What makes a clock-skew episode: so far off, so many messages, judged by the blocks before. See docs/time.md."""
_NS_PER_DAY: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A row of the ledger; times are ns since the epoch, None is a null."""

    ts_start: int
    ts_known: int
    ts_end: int | None
    seq_before: int | None
    seq_after: int | None
    cause: str


def expected_gaps(today: Sequence[Said], yesterday: Sequence[Said] = ()) -> list[Gap]:
    """Return the rows of the ledger of one day, in the order in which they become known.

    Args:
        today: what the lines of the day's capture say.
        yesterday: those of the day before, if it has a capture; looked at where today does not begin with a snapshot.
    """
    now = arrivals(today)
    before = arrivals(yesterday) if now and now[0].kind != "snapshot" else []
    story = list(NaiveBook().follow([*before, *now]))
    shown = [row for arrival in story[len(before) :] for row in arrival.rows]
    rows = [*_breaks(story), *_crossed(shown), *_missing_trades(today), *_skewed(today)]
    midnight = min((m.ts_recv for m in today if m.ts_recv > 0), default=0) // _NS_PER_DAY * _NS_PER_DAY
    of_today = (row for row in rows if row.ts_end is None or row.ts_end >= midnight)
    return sorted(of_today, key=lambda row: (row.ts_known, row.ts_start, GAP_CAUSES.index(row.cause), row.seq_after))


def _breaks(story: Sequence[Arrival]) -> Iterator[Gap]:
    """Times at which the book was missing or behind."""
    good_ns = 0
    opened: Gap | None = None
    for arrival in story:
        if opened is None:
            opened = _opened(arrival, good_ns)
        if opened is not None and not arrival.is_behind:
            yield replace(opened, ts_end=arrival.ts)
            opened = None
        if arrival.is_moved and not arrival.is_behind:
            good_ns = arrival.ts
    if opened is not None:
        yield opened


def _opened(arrival: Arrival, good_ns: int) -> Gap | None:
    """Return the gap that this arrival revealed, if it did."""
    resync = arrival.replaced_by if arrival.at_before is not None and not arrival.is_behind else None
    if not arrival.is_behind and resync is None:
        return None
    kind = "sequence_gap" if arrival.is_behind else "resync"
    return Gap(
        ts_start=arrival.ts if arrival.at_before is None else good_ns,
        ts_known=arrival.ts,
        ts_end=None,
        seq_before=arrival.at_before,
        seq_after=arrival.message.first if resync is None else resync.first,
        cause="no_snapshot" if arrival.at_before is None else kind,
    )


def _crossed(rows: Sequence[Row]) -> Iterator[Gap]:
    """Stretches of rows in which the book was in sequence and yet crossed or one-sided."""
    runs = [list(run) for _, run in groupby(rows, key=attrgetter("state"))]
    for n, run in enumerate(runs):
        if run[0].state != "unsound":
            continue
        before = runs[n - 1][-1] if n else None
        yield Gap(
            ts_start=run[0].ts,
            ts_known=run[0].ts,
            ts_end=runs[n + 1][0].ts if n + 1 < len(runs) else None,
            seq_before=before.last if before is not None and before.state == "sound" else None,
            seq_after=run[0].first,
            cause="crossed",
        )


def _missing_trades(messages: Sequence[Said]) -> Iterator[Gap]:
    """Trade ids that were missing when a later one arrived."""
    seen: set[int] = set()
    highest, before_ns = -1, 0
    for trade in sorted((m for m in messages if m.kind == "trade"), key=lambda m: (m.ts_recv, m.last)):
        if trade.last in seen:
            continue
        if seen and trade.last > highest + 1:
            yield Gap(
                ts_start=before_ns,
                ts_known=trade.ts_recv,
                ts_end=trade.ts_recv,
                seq_before=highest,
                seq_after=trade.last,
                cause="trade_gap",
            )
        seen.add(trade.last)
        highest, before_ns = max(highest, trade.last), trade.ts_recv


def _skewed(messages: Sequence[Said]) -> Iterator[Gap]:
    """Runs of messages whose clocks were unusually far apart."""
    both = sorted(clocked(messages))
    skews = [recv - event for recv, event in both]
    is_off: list[bool] = []
    medians: list[float] = []
    for at in range(0, len(skews), SKEW_BLOCK):
        block = skews[at : at + SKEW_BLOCK]
        usual = median(medians[-SKEW_MEMORY:]) if medians else None
        is_off += [usual is not None and abs(skew - usual) >= SKEW_NS for skew in block]
        medians.append(median(block))
    for off, run in groupby(range(len(is_off)), key=is_off.__getitem__):
        places = list(run)
        if off and len(places) >= SKEW_RUN:
            following = places[-1] + 1
            yield Gap(
                ts_start=both[places[0]][0],
                ts_known=both[places[SKEW_RUN - 1]][0],
                ts_end=both[following][0] if following < len(both) else None,
                seq_before=None,
                seq_after=None,
                cause="clock_skew",
            )


def clocked(messages: Sequence[Said]) -> Iterator[tuple[int, int]]:
    """Yield receive and event time of the messages that clocks are judged by."""
    for message in messages:
        if message.kind in {"update", "trade"} and message.ts_event is not None:
            yield message.ts_recv, message.ts_event
