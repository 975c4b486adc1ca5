"""Pictures for the pages of the raw assets, drawn at publication.

Belongs here: from an audit to the frames that are drawn. Does not: drawing (book_plots, feed_plots).
"""

import polars as pl

from trading_assets.orchestration.gate import Audit
from trading_assets.raw.book_plots import draw_book
from trading_assets.raw.feed_plots import draw_capture, draw_dead_letters, draw_gaps, draw_trades
from trading_assets.sources.lines import UNREADABLE
from trading_assets.sources.reader import CaptureReader
from trading_assets.sources.summary import piece_times


def capture_plot(audit: Audit) -> bytes:
    """Draw how many lines were received in each second of the recording."""
    reader = CaptureReader(audit.staged, max_line_bytes=audit.settings.captures.max_line_bytes)
    times = map(piece_times, reader.pieces())
    return draw_capture((some[some != UNREADABLE] for some in times), title=f"captures of {audit.partition}")


def book_plot(audit: Audit) -> bytes:
    """Draw resting size around the mid, mid and spread, with the gaps of the same replay shaded."""
    return draw_book(audit.staged, audit.evidence["day"].findings.gaps, title=f"book of {audit.partition}")


def gaps_plot(audit: Audit) -> bytes:
    """Draw the ledger's timeline above the two clocks of the same replay."""
    clocks: pl.DataFrame = audit.evidence["day"].findings.clocks
    return draw_gaps(audit.staged.collect(), clocks, title=f"gaps and clocks of {audit.partition}")


def trades_plot(audit: Audit) -> bytes:
    """Draw trades by aggressor, and what was bought and sold."""
    return draw_trades(audit.staged, title=f"trades of {audit.partition}")


def dead_letters_plot(audit: Audit) -> bytes:
    """Draw how many lines are dead for each reason."""
    return draw_dead_letters(audit.staged, title=str(audit.partition))
