"""What a feed looks like: lines received, trades, the gap ledger beside the clocks, dead letters.

Belongs here: drawing those tables. Does not: the book (book_plots), who asks (plots).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from trading_assets.plots import (
    ASK,
    BAD,
    BID,
    INK,
    MUTED,
    SMALL,
    as_png,
    draw_envelope,
    name_y,
    new_figure,
    note,
    plain,
    say_nothing_to_show,
    span_times,
)
from trading_assets.raw.blocks import blocks, ends_of
from trading_assets.raw.messages import Int64s
from trading_assets.schema import (
    AGGRESSOR_SIDE,
    CAUSE,
    GAP_CAUSES,
    PX,
    REASON,
    SZ,
    TIME,
    TRADES,
    TS_END,
    TS_EVENT,
    TS_RECV,
    TS_START,
)
from trading_assets.thinning import MAX_POINTS, Floats, days, drawable, envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NS_PER_S: Final = 10**9
_SECONDS_PER_DAY: Final = 86_400
_SHOWN: Final = (TS_RECV, PX, SZ, AGGRESSOR_SIDE)
_AGGRESSORS: Final = ("buy", "sell")
_MAX_DOTS: Final = 3_000
_MAX_REASONS: Final = 12
_MAX_NAME: Final = 60
_FAR: Final = 20
"""A range so many times wider than most of it is cut, and says so."""


def draw_capture(pieces: Iterable[Int64s], *, title: str) -> bytes:
    """Draw how many lines were received in each second. Returns PNG bytes.

    Args:
        pieces: [n] receive times each, ns since the epoch, in any order.
        title: what the figure is of.
    """
    seconds, n_lines = _by_second(pieces)
    received = pl.Series(seconds * _NS_PER_S, dtype=pl.Int64).cast(TIME)
    figure, (rate,) = new_figure(title, (1.8,))
    name_y(rate, "lines a second")
    if len(seconds):
        draw_envelope(rate, envelope(received, pl.Series(n_lines)), colour=BID)
        note(rate, f"{n_lines.sum():,} lines\nin {len(seconds):,} s\nmost {n_lines.max():,}")
    else:
        say_nothing_to_show(rate, "no line has a readable receive time")
    span_times((rate,), received)
    return as_png(figure)


def _by_second(pieces: Iterable[Int64s]) -> tuple[Int64s, Int64s]:
    """Count times by whole seconds, rising."""
    seconds, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for times in pieces:
        more, n_more = np.unique(times // _NS_PER_S, return_counts=True)
        seconds, place = np.unique(np.concatenate([seconds, more]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, n_more])).astype(np.int64)
    return seconds, counts


def draw_gaps(gaps: pl.DataFrame, clocks: pl.DataFrame, *, title: str) -> bytes:
    """Draw the ledger as a timeline, a row a cause, above how far apart the two clocks were. Returns PNG bytes.

    Args:
        gaps: `schema.FEED_GAPS`.
        clocks: `ts_event` and `ts_recv` of the messages of the same day; a row without `ts_event` is left out.
        title: what the figure is of.
    """
    times = clocks[TS_RECV].drop_nulls()
    ended = _within(gaps, times)
    figure, (timeline, skew) = new_figure(title, (1.5, 1.4))
    _draw_ledger(timeline, ended)
    _draw_clocks(skew, clocks)
    span_times((timeline, skew), times if len(times) else ended[TS_START])
    return as_png(figure)


def _within(gaps: pl.DataFrame, times: pl.Series) -> pl.DataFrame:
    """Cut gaps to the time that is shown: one may have begun the day before, or be open."""
    since, until = (pl.lit(time, dtype=TIME) for time in ((times.min(), times.max()) if len(times) else (None, None)))
    start, end = pl.max_horizontal(TS_START, since), pl.coalesce(TS_END, until, TS_START)
    known = gaps.filter(pl.col(TS_START).is_not_null())
    return known.with_columns(start.alias(TS_START), pl.max_horizontal(start, end).alias(TS_END))


def _draw_ledger(panel: "Axes", ended: pl.DataFrame) -> None:
    told = []
    for place, cause in enumerate(GAP_CAUSES):
        some = ended.filter(pl.col(CAUSE).cast(pl.String) == cause)
        starts, ends = days(some[TS_START]), days(some[TS_END])
        bars = list(zip(starts, ends - starts, strict=True))
        panel.broken_barh(bars, (place - 0.32, 0.64), facecolor=BAD, edgecolor=BAD, linewidth=1)
        seconds = float(np.nansum(ends - starts)) * _SECONDS_PER_DAY
        told.append(f"{some.height:,} in {seconds:,.1f} s" if some.height else "none")
    panel.set_yticks(range(len(GAP_CAUSES)), GAP_CAUSES)
    panel.set_ylim(len(GAP_CAUSES) - 0.5, -0.5)
    for place, text in enumerate(told):
        panel.text(1.008, place, text, transform=panel.get_yaxis_transform(), fontsize=SMALL, color=MUTED, va="center")


def _draw_clocks(panel: "Axes", clocks: pl.DataFrame) -> None:
    both = clocks.filter(pl.col(TS_EVENT).is_not_null() & pl.col(TS_RECV).is_not_null())
    name_y(panel, "received - sent, ms")
    if both.is_empty():
        say_nothing_to_show(panel, "no message carries both times")
        return
    skew_ms = (both[TS_RECV].to_physical() - both[TS_EVENT].to_physical()) / 1e6
    found = envelope(both[TS_RECV], skew_ms)
    draw_envelope(panel, found, colour=BID)
    panel.axhline(0, color=INK, linewidth=0.5)
    lowest, low, middle, high, highest = (
        float(skew_ms.quantile(share, "nearest") or 0.0) for share in (0, 0.01, 0.5, 0.99, 1)
    )
    note(panel, f"max {highest:,.4g}\n99 % {high:,.4g}\nmedian {middle:,.4g}\n1 % {low:,.4g}\nmin {lowest:,.4g}")
    _cut_far_values(panel, (lowest, low, high, highest))


def _cut_far_values(panel: "Axes", quantiles: tuple[float, float, float, float]) -> None:
    lowest, low, high, highest = quantiles
    room = _FAR * max(high - low, 1.0)
    if lowest < low - room or highest > high + room:
        panel.set_ylim(max(lowest, low - room), min(highest, high + room))
        panel.text(
            0.995, 0.93, "cut: some lie beyond", transform=panel.transAxes, fontsize=SMALL, color=BAD, ha="right"
        )


def draw_trades(trades: pl.LazyFrame, *, title: str) -> bytes:
    """Draw trade prices by aggressor above the volume bought and sold over time. Returns PNG bytes."""
    ends = ends_of(trades, TS_RECV)
    tape = _Tape(trades, np.linspace(*_apart(ends), MAX_POINTS // 4 + 1))
    figure, (prices, volumes) = new_figure(title, (1.7, 1.1))
    name_y(prices, "price of a trade")
    name_y(volumes, "bought / sold")
    if tape.dots.is_empty():
        say_nothing_to_show(prices, "no trades")
    for side, colour, sign in (("buy", BID, 1), ("sell", ASK, -1)):
        some = tape.dots.filter(pl.col(AGGRESSOR_SIDE) == side)
        prices.scatter(days(some[TS_RECV]), drawable(some[PX]), s=2, color=colour, linewidths=0, label=side)
        volumes.stairs(sign * tape.sums[side], tape.edges, fill=True, color=colour, alpha=0.8)
        told = f"{tape.n_trades[side]:,} {side}s\n{tape.volumes[side]:,.4g} in all"
        note(volumes if sign < 0 else prices, told)
    prices.ticklabel_format(axis="y", useOffset=False, style="plain")
    prices.legend(fontsize=SMALL, frameon=False, loc="upper left", ncols=2, markerscale=3)
    span_times((prices, volumes), ends)
    return as_png(figure)


class _Tape:
    """What a picture shows of trades: some of them, and sums by side over stretches of time."""

    def __init__(self, trades: pl.LazyFrame, edges: Floats) -> None:
        self.edges = edges
        self.sums = {side: np.zeros(len(edges) - 1) for side in _AGGRESSORS}
        self.n_trades = dict.fromkeys(_AGGRESSORS, 0)
        self.volumes = dict.fromkeys(_AGGRESSORS, 0.0)
        every = max(1, int(trades.select(pl.len()).collect().item()) // _MAX_DOTS)
        dots, n_passed = [pl.DataFrame(schema={name: TRADES[name] for name in _SHOWN})], 0
        for block in blocks(trades, _SHOWN):
            dots.append(block.gather_every(every, -n_passed % every))
            n_passed += block.height
            self._add(block)
        self.dots = pl.concat(dots)

    def _add(self, block: pl.DataFrame) -> None:
        for side in _AGGRESSORS:
            some = block.filter(pl.col(AGGRESSOR_SIDE) == side)
            known = some.drop_nulls(TS_RECV)
            sizes = np.nan_to_num(drawable(known[SZ]))
            self.sums[side] += np.histogram(days(known[TS_RECV]), self.edges, weights=sizes)[0]
            self.n_trades[side] += some.height
            self.volumes[side] += float(some[SZ].sum())


def _apart(ends: pl.Series) -> tuple[float, float]:
    """Return first and last time, in days since the epoch, at least a second apart."""
    first, last = days(ends) if len(ends) else (0.0, 1.0)
    return float(first), max(float(last), float(first) + 1 / _SECONDS_PER_DAY)


def draw_dead_letters(letters: pl.LazyFrame, *, title: str) -> bytes:
    """Draw how many lines are dead for each of the commonest reasons. Returns PNG bytes."""
    counts = letters.group_by(REASON).len("n").sort(["n", REASON], descending=[True, False]).collect()
    total = counts["n"].sum()
    figure, (bars,) = new_figure(f"{title}: {total:,} dead letters", (0.6 + 0.25 * min(len(counts), _MAX_REASONS),))
    shown = counts.head(_MAX_REASONS).reverse()
    if shown.is_empty():
        say_nothing_to_show(bars, "every line could be read")
        bars.set_xticks([])
        return as_png(figure)
    bars.barh(range(shown.height), shown["n"].to_numpy(), color=BAD, alpha=0.75, height=0.7)
    bars.set_yticks([])
    for place, (reason, n) in enumerate(shown.iter_rows()):
        said = str(reason).encode("ascii", "backslashreplace").decode()[:_MAX_NAME]
        bars.text(0, place, plain(f"  {said}: {n:,}"), fontsize=SMALL, color=INK, va="center")
    return as_png(figure)
