"""Figures as PNG bytes, without global state: what every plot of the project shares.

Belongs here: making, dressing and encoding a figure, and thinning rows to what a screen can show.
Does not: what is drawn (each stage's plots).

Figures are light, with sequential colours on white, so that a dark page may invert them. Their size is kept small: the
graph draws one at every publication and Dagster keeps it in its event log.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.sources.summary import SILENCE_NS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

BID: Final = "#1f5fa8"
ASK: Final = "#c2541b"
INK: Final = "#22303c"
MUTED: Final = "#6b7785"
FAINT: Final = "#d5dbe1"
BAD: Final = "#c62839"
SMALL: Final = 7.5
"""Point size of everything but titles."""

_WIDTH_IN: Final = 9.6
_MARGINS_IN: Final = (0.85, 1.0, 0.42, 0.34)
"""Left, right, top and bottom; the right one holds numbers beside a panel."""
_GAP_IN: Final = 0.16
_DPI: Final = 100
_COLOURS: Final = 160
_NS_PER_DAY: Final = 86_400e9
_ROWS: Final = 32_768
"""Rows that are thinned at once: each takes some copies of its columns."""
_X: Final = "_x"
_STRETCH: Final = "_stretch"
_ENDS: Final = ("_lowest", "_median", "_highest")
MAX_POINTS: Final = 700
"""More points than this along an axis are not told apart on a screen."""
HUGE: Final = 1e100
"""Values beyond are drawn as this: the square of anything drawn must still be a number."""


class Envelope(NamedTuple):
    """A series thinned to at most about `MAX_POINTS` stretches: NaN where nothing is known or nothing was recorded."""

    x: Floats  # [n] days since the epoch, rising
    low: Floats  # [n]
    mid: Floats  # [n] median of the stretch
    high: Floats  # [n]


def new_figure(
    title: str, heights_in: Sequence[float], *, share_x: bool = True, gap_in: float = _GAP_IN
) -> tuple["Figure", list["Axes"]]:
    """Make a figure of panels under each other, each of the given height in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second that definitions need not pay

    left, right, top, bottom = _MARGINS_IN
    height = top + bottom + sum(heights_in) + gap_in * (len(heights_in) - 1)
    figure = Figure(figsize=(_WIDTH_IN, height), facecolor="white")
    panels = figure.subplots(
        len(heights_in), 1, sharex=share_x, squeeze=False, gridspec_kw={"height_ratios": list(heights_in)}
    )[:, 0]
    figure.subplots_adjust(
        left=left / _WIDTH_IN,
        right=1 - right / _WIDTH_IN,
        top=1 - top / height,
        bottom=bottom / height,
        hspace=gap_in * len(heights_in) / sum(heights_in),
    )
    figure.text(left / _WIDTH_IN, 1 - 0.12 / height, plain(title), fontsize=9.5, color=INK, va="top", weight="bold")
    for panel in panels:
        dress(panel)
    return figure, list(panels)


def dress(panel: "Axes") -> None:
    """Give a panel the look that all of them have."""
    panel.tick_params(labelsize=SMALL, colors=MUTED, length=2, width=0.6)
    for name, spine in panel.spines.items():
        spine.set_visible(name in {"left", "bottom"})
        spine.set_color(FAINT)
    panel.grid(visible=True, color=FAINT, linewidth=0.5, alpha=0.7)
    panel.set_axisbelow(True)


def name_y(panel: "Axes", text: str) -> None:
    """Name a panel's vertical axis and its unit."""
    panel.set_ylabel(plain(text), fontsize=SMALL, color=INK)


def note(panel: "Axes", text: str) -> None:
    """Write a few short lines in the margin to the right of a panel."""
    panel.text(1.008, 1.0, plain(text), transform=panel.transAxes, fontsize=SMALL, color=MUTED, va="top")


def say_nothing_to_show(panel: "Axes", text: str) -> None:
    """Write why a panel is empty in its middle."""
    panel.text(0.5, 0.5, plain(text), transform=panel.transAxes, ha="center", va="center", fontsize=9, color=MUTED)
    panel.tick_params(left=False, bottom=False, labelleft=False)


def plain(text: str) -> str:
    """Return text that is never read as a formula."""
    return text.replace("$", r"\$")


def as_png(figure: "Figure") -> bytes:
    """Encode a figure with a palette, a third of the size; equal figures give equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - see new_figure
    from PIL import Image  # noqa: PLC0415 - comes with matplotlib

    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    pixels = Image.fromarray(drawn).convert("RGB")
    buffer = io.BytesIO()
    pixels.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def drawable(values: pl.Series) -> Floats:
    """Return numbers as floats that can be drawn: NaN where null or not finite, never beyond `HUGE`."""
    floats = values.cast(pl.Float64, strict=False)
    kept = floats.set(~floats.is_finite().fill_null(value=False), None).clip(-HUGE, HUGE)
    return kept.fill_null(float("nan")).to_numpy().copy()


def days(times: pl.Series) -> Floats:
    """Return nanosecond times as matplotlib counts them, in days since the epoch: NaN where null."""
    return times.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy() / _NS_PER_DAY


def span_times(panels: Sequence["Axes"], times: pl.Series) -> None:
    """Let shared time axes reach from the first to the last of some times, in UTC."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - see new_figure

    second = 1 / 86_400
    found = days(times.drop_nulls())
    first, last = (found.min(), found.max()) if len(found) else (0.0, 1.0)
    axis = panels[-1].xaxis
    locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    axis.get_offset_text().set(fontsize=SMALL, color=MUTED)
    panels[-1].set_xlim(first - second / 2 * (first == last), last + second / 2 * (first == last))


def shade(panels: Sequence["Axes"], starts: Floats, ends: Floats) -> None:
    """Shade stretches of time over the whole height of some panels, however short they are."""
    for panel in panels:
        panel.broken_barh(
            list(zip(starts, ends - starts, strict=True)),
            (0, 1),
            transform=panel.get_xaxis_transform(),
            facecolor=BAD,
            edgecolor=BAD,
            linewidth=0.6,
            alpha=0.18,
        )


def envelope(times: pl.Series, values: pl.Series) -> Envelope:
    """Thin a series to the lowest, the median and the highest value of each of about `MAX_POINTS` equal stretches.

    Args:
        times: [n] `schema.TIME`, rising; rows without one are left out.
        values: [n] numbers.
    """
    return envelopes(lambda: [pl.DataFrame({"time": times, "value": values})])["value"]


def envelopes(walk: Callable[[], Iterable[pl.DataFrame]]) -> dict[str, Envelope]:
    """Thin the columns of a table that is too long to be held, as `envelope` does those of one that is not.

    Args:
        walk: gives the table's blocks, as often as it is called: a rising time first, then columns of numbers.
    """
    n_rows, first, last = _extent(walk())
    step = max(last - first, 1e-12) / MAX_POINTS if n_rows > MAX_POINTS else 0.0
    parts: list[pl.DataFrame] = []
    open_rows: pl.DataFrame | None = None
    n_placed = 0
    for part in chain.from_iterable(block.iter_slices(_ROWS) for block in walk()):
        rows = _with_days(part)
        place = ((pl.col(_X) - first) / step).floor() if step else (n_placed + pl.int_range(pl.len())).cast(pl.Float64)
        n_placed += rows.height
        rows = rows.with_columns(place.alias(_STRETCH))
        rows = rows if open_rows is None else pl.concat([open_rows, rows])
        is_over = pl.col(_STRETCH) < pl.col(_STRETCH).max()
        parts.append(_ranges(rows.filter(is_over)))
        open_rows = rows.filter(~is_over)
    if open_rows is None:  # an empty table has no block, whose columns could be named
        return defaultdict(lambda: Envelope(*np.zeros((4, 0))))
    found = pl.concat([*parts, _ranges(open_rows)])
    names = [name for name in open_rows.columns if name not in (_STRETCH, _X)]
    return {
        name: _broken_at_silence(Envelope(found[_X].to_numpy(), *(drawable(found[name + end]) for end in _ENDS)))
        for name in names
    }


def _extent(blocks: Iterable[pl.DataFrame]) -> tuple[int, float, float]:
    """Return how many rows have a time, the first and the last, in days since the epoch."""
    n_rows, first, last = 0, 0.0, 0.0
    for block in blocks:
        times = days(block.to_series(0).drop_nulls())
        if len(times):
            first = float(times[0]) if n_rows == 0 else first
            n_rows, last = n_rows + len(times), float(times[-1])
    return n_rows, first, last


def _with_days(block: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that have a time, as floats that can be drawn; null where they cannot."""
    time, *values = block.get_columns()
    numbers = {column.name: pl.Series(drawable(column)).fill_nan(None) for column in values}
    return pl.DataFrame({_X: days(time), **numbers}).filter(pl.col(_X).is_not_nan())


def _ranges(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the middle of each stretch, and of each column its lowest, median and highest value there."""
    names = [name for name in rows.columns if name not in (_STRETCH, _X)]
    lowest, middle, highest = _ENDS
    return rows.group_by(_STRETCH, maintain_order=True).agg(
        pl.col(_X).mean(),
        *(pl.col(name).min().alias(name + lowest) for name in names),
        *(pl.col(name).median().alias(name + middle) for name in names),
        *(pl.col(name).max().alias(name + highest) for name in names),
    )


def _broken_at_silence(found: Envelope) -> Envelope:
    """Put a NaN where nothing was recorded for long, so that no line is drawn across."""
    apart = np.diff(found.x)
    usual = float(np.median(apart)) if len(apart) else 0.0
    at = np.flatnonzero(apart > max(SILENCE_NS / _NS_PER_DAY, 3 * usual)) + 1
    return Envelope(np.insert(found.x, at, found.x[at - 1]), *(np.insert(part, at, np.nan) for part in found[1:]))


def draw_envelope(panel: "Axes", found: Envelope, *, colour: str, label: str | None = None) -> None:
    """Draw the median as a line and the range as a band."""
    panel.fill_between(found.x, found.low, found.high, color=colour, alpha=0.22, linewidth=0)
    panel.plot(found.x, found.mid, color=colour, linewidth=0.9, label=plain(label) if label else None)
