"""What a book looks like: resting size around the mid, the mid, the spread, and where there was no book.

Belongs here: drawing `raw_l2_snapshots` with its gaps. Does not: other raw tables (feed_plots), who asks (plots).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.plots import (
    ASK,
    BID,
    INK,
    MUTED,
    SMALL,
    as_png,
    draw_envelope,
    name_y,
    new_figure,
    note,
    say_nothing_to_show,
    shade,
    span_times,
)
from trading_assets.raw.blocks import blocks, ends_of
from trading_assets.schema import BOOK_CAUSES, CAUSE, IS_VALID, SIDES, TS_END, TS_RECV, TS_START, level
from trading_assets.sources.summary import SILENCE_NS
from trading_assets.thinning import HUGE, Envelope, Floats, days, envelopes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BEST: Final = tuple(level(side, "px", 0) for side in SIDES)
_COLUMNS: Final = 360
_MAX_RUNGS: Final = 48
"""Columns of the heat map in time, and its rungs on either side of the mid at most."""
_BPS: Final = 1e4
_AT_ONCE: Final = 16
"""Columns of which blocks are read: a picture is no reason to hold whole books."""
_FAINTEST: Final = 0.12
_ROUNDING: Final = 1e-6
_MARGIN: Final = 1.02


class Heat(NamedTuple):
    """Resting size by distance from the mid and by time."""

    sizes: Floats  # [2 * rungs, columns], bids below, asks above; NaN where nothing rests
    reach_bps: float  # distance of the outermost edge from the mid
    first: float  # days since the epoch
    last: float


def draw_book(snapshots: pl.LazyFrame, gaps: pl.DataFrame, *, title: str) -> bytes:
    """Draw the heat map, mid with best bid and ask, and spread; gaps of the book are shaded. Returns PNG bytes.

    Args:
        snapshots: `schema.l2_snapshots`, of any depth.
        gaps: `schema.FEED_GAPS` of the same day.
        title: what the figure is of.
    """
    ends = ends_of(snapshots, TS_RECV)
    thinned = envelopes(lambda: map(_prices, blocks(snapshots, [TS_RECV, IS_VALID, *_BEST])))
    figure, (heat, price, spread) = new_figure(title, (2.7, 1.35, 0.8))
    _draw_heat(heat, heat_map(snapshots))
    _draw_prices(price, thinned)
    _draw_spread(spread, thinned["spread"])
    span_times((heat, price, spread), ends)
    shade((heat, price, spread), *gap_spans(gaps, ends))
    return as_png(figure)


def _prices(block: pl.DataFrame) -> pl.DataFrame:
    """Return time, best prices, mid and spread; null where the book is not valid."""
    bid, ask = (pl.when(IS_VALID).then(pl.col(name)) for name in _BEST)
    mid = (bid + ask) / 2
    return block.select(TS_RECV, bid=bid, ask=ask, mid=mid, spread=_BPS * (ask - bid) / mid)


def gap_spans(gaps: pl.DataFrame, times: pl.Series) -> tuple[Floats, Floats]:
    """Return start and end of each gap of the book, in days since the epoch, an open one until the last row."""
    of_book = gaps.filter(pl.col(CAUSE).cast(pl.String).is_in(BOOK_CAUSES) & pl.col(TS_START).is_not_null())
    last = days(times.drop_nulls().tail(1))
    starts, ends = days(of_book[TS_START]), days(of_book[TS_END])
    until = np.where(np.isnan(ends), last[0] if len(last) else starts, ends)
    return starts, np.maximum(starts, until)


def heat_map(snapshots: pl.LazyFrame) -> Heat | None:
    """Sample the book at equal distances in time, and sum what rests on each rung around the mid.

    A column is NaN where the last book row is invalid, or older than what the summary of a capture calls a silence.
    Returns None without a valid row.
    """
    if not snapshots.select(pl.col(IS_VALID).any()).collect().item():
        return None
    ends = ends_of(snapshots, TS_RECV)
    n_rows = int(snapshots.select(pl.len()).collect().item())
    first, last = ends.to_physical()
    asked = np.linspace(first, last, min(_COLUMNS, n_rows) + 1)[1:]
    rows = _rows_at(snapshots, asked)
    is_fresh = asked - rows[TS_RECV].to_physical().to_numpy() <= SILENCE_NS
    usable = is_fresh & rows[IS_VALID].fill_null(value=False).to_numpy()
    middle = (_levels(rows, "bid", "px")[:1] + _levels(rows, "ask", "px")[:1]) / 2
    places = {side: _BPS * np.abs(_levels(rows, side, "px") / middle - 1) for side in SIDES}
    amounts = {side: np.where(usable, _levels(rows, side, "sz"), np.nan) for side in SIDES}
    reach = _reach(places, usable)
    n_rungs = _rungs_within(reach, places)
    below, above = (_stacked(places[side] / reach * n_rungs, amounts[side], n_rungs) for side in SIDES)
    begin, end = days(ends)
    return Heat(np.concatenate([below[::-1], above]), reach, float(begin), float(end))


def _rows_at(snapshots: pl.LazyFrame, asked: Floats) -> pl.DataFrame:
    """Read the last whole row received by each of some instants (ns, rising, none before the first row)."""
    wanted = _row_numbers(snapshots, asked)
    columns = snapshots.collect_schema().names()
    narrow = (columns[start : start + _AT_ONCE] for start in range(0, len(columns), _AT_ONCE))
    return pl.concat([_some_rows(snapshots.select(some), wanted) for some in narrow], how="horizontal")


def _some_rows(table: pl.LazyFrame, wanted: NDArray[np.int64]) -> pl.DataFrame:
    """Read rows by their numbers, which rise."""
    found = [table.head(0).collect()]
    n_passed = 0
    for block in blocks(table):
        until = n_passed + block.height
        found.append(block[wanted[(wanted >= n_passed) & (wanted < until)] - n_passed])
        n_passed = until
    return pl.concat(found)


def _row_numbers(snapshots: pl.LazyFrame, asked: Floats) -> NDArray[np.int64]:
    """Find them by their times alone: whole rows that are passed over need not be held for it."""
    wanted = np.zeros(len(asked), np.int64)
    n_passed = 0
    for block in blocks(snapshots, [TS_RECV]):
        times = block[TS_RECV]
        known = np.flatnonzero(times.is_not_null().to_numpy())
        at = np.searchsorted(times.drop_nulls().to_physical().to_numpy(), asked, side="right")
        wanted[at > 0] = n_passed + known[at[at > 0] - 1]
        n_passed += block.height
    return wanted


def _levels(rows: pl.DataFrame, side: Any, field: Any) -> Floats:  # noqa: ANN401 - schema.Side and schema.Field, looped over
    """Return one field of all levels of a side, [levels, rows]; NaN where there is none."""
    depth = sum(name.startswith(f"{side}_{field}_") for name in rows.columns)
    return np.stack([rows[level(side, field, n)].fill_null(float("nan")).to_numpy() for n in range(depth)])


def _reach(places: dict[Any, Floats], usable: NDArray[np.bool_]) -> float:
    """Return how far from the mid the books mostly reach, so that one stray order does not flatten the picture."""
    known = [values[:, usable] for values in places.values()]
    outermost = np.concatenate([np.fmax.reduce(values, axis=0) for values in known]) if usable.any() else np.zeros(0)
    outermost = outermost[np.isfinite(outermost)]
    return float(np.clip(_MARGIN * np.quantile(outermost, 0.8), 1e-9, HUGE)) if len(outermost) else 1.0


def _rungs_within(reach: float, places: dict[Any, Floats]) -> int:
    """Return how many rungs leave room for about one level each: finer ones would show the tick as stripes."""
    apart = np.concatenate([np.diff(values, axis=0).ravel() for values in places.values()])
    apart = apart[np.isfinite(apart) & (apart > 0)]
    return int(np.clip(reach / np.median(apart), 8, _MAX_RUNGS)) if len(apart) else 8


def _stacked(rungs: Floats, amounts: Floats, n_rungs: int) -> Floats:
    """Sum the sizes of levels, whose place is told in rungs, by rung and column: [n_rungs, columns] from the mid on."""
    sums = np.zeros((n_rungs, rungs.shape[1]))
    rung = np.where(np.isfinite(rungs), np.minimum(rungs + _ROUNDING, n_rungs), n_rungs).astype(int)
    keep = (rung < n_rungs) & np.isfinite(amounts) & (amounts > 0)
    column = np.broadcast_to(np.arange(rungs.shape[1]), rungs.shape)
    np.add.at(sums, (rung[keep], column[keep]), np.minimum(amounts[keep], HUGE))
    return np.where(sums > 0, sums, np.nan)


def _draw_heat(panel: "Axes", heat: Heat | None) -> None:
    name_y(panel, "from the mid, bps")
    if heat is None or np.isnan(heat.sizes).all():
        say_nothing_to_show(panel, "no valid book to show")
        return
    low, high = np.log10(np.nanquantile(heat.sizes, (0.02, 0.995)))
    shades = np.clip((np.log10(heat.sizes) - low) / max(high - low, 1e-9), 0, 1)
    panel.imshow(
        _coloured(shades, asks_from=len(shades) // 2),
        extent=(heat.first, heat.last + 1e-9, -heat.reach_bps, heat.reach_bps),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    panel.grid(visible=False)
    panel.axhline(0, color=INK, linewidth=0.5)
    _draw_scale(panel, float(low), float(high))


def _coloured(shades: Floats, *, asks_from: int) -> Floats:
    """Turn shades in [0, 1] into RGBA: blues for bids, oranges for asks, white where nothing rests."""
    from matplotlib import colormaps  # noqa: PLC0415 - see plots.new_figure

    depth = _FAINTEST + (1 - _FAINTEST) * np.nan_to_num(shades)
    picture = np.concatenate([colormaps["Blues"](depth[:asks_from]), colormaps["Oranges"](depth[asks_from:])])
    picture[np.isnan(shades)] = 1.0
    return np.asarray(picture)


def _draw_scale(panel: "Axes", low: float, high: float) -> None:
    """Explain the colours in the margin: the size of bids and asks, logarithmic."""
    scale = panel.inset_axes((1.03, 0.08, 0.025, 0.72))
    ramp = np.linspace(0, 1, 64)[:, np.newaxis]
    blues, oranges = _coloured(ramp, asks_from=64), _coloured(ramp, asks_from=0)
    scale.imshow(np.concatenate([blues, oranges], axis=1), origin="lower", aspect="auto", extent=(0, 2, 0, 1))
    scale.set_xticks([])
    scale.yaxis.tick_right()
    shown = [0.0, 0.5, 1.0]
    scale.set_yticks(shown, [f"{10 ** (low + share * (high - low)):.2g}" for share in shown])
    scale.tick_params(labelsize=SMALL, colors=MUTED, length=2)
    scale.set_title("bid  ask\nsize, log", fontsize=SMALL, color=MUTED)
    for spine in scale.spines.values():
        spine.set_visible(False)


def _draw_prices(panel: "Axes", thinned: Mapping[str, Envelope]) -> None:
    bids, asks, mids = (thinned[name] for name in ("bid", "ask", "mid"))
    panel.fill_between(bids.x, bids.low, mids.mid, color=BID, alpha=0.35, linewidth=0)
    panel.fill_between(asks.x, mids.mid, asks.high, color=ASK, alpha=0.35, linewidth=0)
    panel.plot(mids.x, mids.mid, color=INK, linewidth=0.8)
    panel.ticklabel_format(axis="y", useOffset=False, style="plain")
    name_y(panel, "mid, best bid, ask")
    _note_range(panel, mids, ".7g")


def _draw_spread(panel: "Axes", spread: Envelope) -> None:
    draw_envelope(panel, spread, colour=MUTED)
    name_y(panel, "spread, bps")
    _note_range(panel, spread, ".3g")


def _note_range(panel: "Axes", found: Envelope, spelling: str) -> None:
    known = ~np.isnan(found.mid)
    if known.any():
        low, mid, high = found.low[known].min(), np.median(found.mid[known]), found.high[known].max()
        note(panel, f"max {high:{spelling}}\nmedian {mid:{spelling}}\nmin {low:{spelling}}")
