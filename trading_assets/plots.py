"""Figures as PNG bytes, without global state: what every plot of the project shares.

Belongs here: making and encoding a figure. Does not: what is drawn (each stage's plots.py).
"""

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(rows: int, *, width_in: float = 9.0, row_in: float = 2.2) -> tuple["Figure", list[Any]]:
    """Make a figure of `rows` panels under each other that share their x axis."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second that definitions need not pay

    figure = Figure(figsize=(width_in, row_in * rows), layout="constrained")
    panels = figure.subplots(rows, 1, sharex=True, squeeze=False)
    return figure, [panel for (panel,) in panels]


def as_png(figure: "Figure") -> bytes:
    """Encode a figure; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return buffer.getvalue()
