"""Figures as PNG bytes, without global state: what every plot of the project shares.

Belongs here: making, dressing and encoding a figure.
Does not: what is drawn (each stage's plots), nor how many points of it (thinning).

Figures are light, with sequential colours on white, so that a dark page may invert them. Their size is kept small: the
graph draws one at every publication and Dagster keeps it in its event log.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from trading_assets.thinning import Envelope, Floats, days

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def draw_envelope(panel: "Axes", found: Envelope, *, colour: str, label: str | None = None) -> None:
    """Draw the median as a line and the range as a band."""
    panel.fill_between(found.x, found.low, found.high, color=colour, alpha=0.22, linewidth=0)
    panel.plot(found.x, found.mid, color=colour, linewidth=0.9, label=plain(label) if label else None)
