"""Scores as people read them.

Belongs here: rows and cells. Does not: layout (terminal).
"""

from typing import TYPE_CHECKING, Final

from rich.text import Text

from trading_assets.cli.terminal import show_table
from trading_assets.identifiers import Partition

if TYPE_CHECKING:
    from trading_assets.models.evaluate import Score
    from trading_assets.session import Session

SHOWN_IN_FULL: Final = 1000


def print_worth(session: "Session", partitions: list[Partition]) -> None:
    """Print the scores of the published models."""
    title = "what the models are worth on unseen time, against the naive forecast of no change"
    columns = ("model of", "horizon", "learner", "R² vs naive", "95 % interval", "correlation", "rows", "verdict")
    rows = [
        (str(partition), f"{horizon.horizon_s:g} s", learner, *_score_cells(score))
        for partition, document in session.models(partitions)
        for horizon in document.horizons
        for learner, score in horizon.evaluation.scores.items()
        if learner != "naive"
    ]
    show_table(title, columns, rows)


def _score_cells(score: "Score") -> tuple[str | Text, ...]:
    low, high = score.r2_low, score.r2_high
    return (
        _number(score.r2),
        f"{_number(low)} … {_number(high)}",
        _number(score.correlation),
        f"{score.n:,}",
        Text("better", style="green") if score.is_better_than_naive else "not better",
    )


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:+.3f}" if abs(value) < SHOWN_IN_FULL else f"{value:+.1e}"
