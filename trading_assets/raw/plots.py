"""What raw assets look like: the rate of a capture, a book with its gaps, trades, the ledger, the dead letters."""

from typing import Final

import numpy as np
import polars as pl

from trading_assets.orchestration.gate import Audit
from trading_assets.plots import as_png, new_figure
from trading_assets.schema import (
    AGGRESSOR_SIDE,
    CAUSE,
    GAP_CAUSES,
    IS_VALID,
    PX,
    REASON,
    SZ,
    TS_END,
    TS_RECV,
    TS_START,
    level,
)
from trading_assets.sources.lines import UNREADABLE
from trading_assets.sources.reader import CaptureReader
from trading_assets.sources.summary import piece_times

NS_PER_S: Final = 10**9
MAX_POINTS: Final = 3_000
"""More points than this are not told apart on a screen, and cost seconds to draw."""


def capture_plot(audit: Audit) -> bytes:
    """Draw how many lines were received in each second of the recording."""
    reader = CaptureReader(audit.staged, max_line_bytes=audit.settings.captures.max_line_bytes)
    times = np.concatenate([np.zeros(0, np.int64), *(piece_times(piece) for piece in reader.pieces())])
    seconds, n_lines = np.unique(times[times != UNREADABLE] // NS_PER_S, return_counts=True)
    figure, (rate,) = new_figure(1)
    rate.plot(seconds.astype("datetime64[s]"), n_lines, ",-", linewidth=0.6)
    rate.set_ylabel("lines a second", fontsize=7)
    figure.suptitle(str(audit.partition), fontsize=9)
    return as_png(figure)


def gaps_plot(audit: Audit) -> bytes:
    """Draw each gap of the ledger as a bar from its start to its end, a row a cause."""
    end_of_rows = audit.evidence["day"].snapshots[TS_RECV].max()
    gaps = audit.staged.select(CAUSE, TS_START, pl.col(TS_END).fill_null(end_of_rows)).collect()
    figure, (timeline,) = new_figure(1)
    for n, cause in enumerate(GAP_CAUSES):
        some = gaps.filter(pl.col(CAUSE) == cause)
        timeline.hlines([n] * some.height, some[TS_START].to_numpy(), some[TS_END].to_numpy(), linewidth=6)
        timeline.plot(some[TS_START].to_numpy(), [n] * some.height, "k|")
    timeline.set_yticks(range(len(GAP_CAUSES)), GAP_CAUSES, fontsize=7)
    figure.suptitle(f"{audit.partition}: {gaps.height} gaps", fontsize=9)
    return as_png(figure)


def dead_letters_plot(audit: Audit) -> bytes:
    """Draw how many lines are dead for each reason."""
    counts = audit.staged.group_by(REASON).len().sort("len", REASON).collect()
    figure, (bars,) = new_figure(1)
    bars.barh(counts[REASON].to_list(), counts["len"].to_list())
    figure.suptitle(f"{audit.partition}: {counts['len'].sum()} dead letters", fontsize=9)
    return as_png(figure)


def book_plot(audit: Audit) -> bytes:
    """Draw best bid and ask, the spread, and the size standing at the best, with the gaps of the ledger shaded."""
    best = [level(side, field, 0) for side in ("bid", "ask") for field in ("px", "sz")]
    rows = _thinned(audit.staged.filter(IS_VALID).select(TS_RECV, *best))
    time = rows[TS_RECV].to_numpy()
    bid_px, bid_sz, ask_px, ask_sz = (rows[name].to_numpy() for name in best)
    figure, (prices, spread, sizes) = new_figure(3, row_in=1.8)
    prices.plot(time, bid_px, linewidth=0.7, label="best bid")
    prices.plot(time, ask_px, linewidth=0.7, label="best ask")
    prices.legend(fontsize=7)
    spread.plot(time, ask_px - bid_px, linewidth=0.7, color="tab:gray")
    spread.set_ylabel("spread", fontsize=7)
    sizes.plot(time, bid_sz, linewidth=0.5)
    sizes.plot(time, ask_sz, linewidth=0.5)
    sizes.set_ylabel("size at best", fontsize=7)
    of_book = audit.evidence["day"].gaps.filter(pl.col(CAUSE) != "trade_gap")
    for start, end in of_book.select(TS_START, TS_END).iter_rows():
        for panel in (prices, spread, sizes):
            if start is not None and len(time):
                panel.axvspan(start, end or time[-1], color="tab:red", alpha=0.15)
    if len(time) > 1:
        sizes.set_xlim(time[0], time[-1])
    figure.suptitle(str(audit.partition), fontsize=9)
    return as_png(figure)


def trades_plot(audit: Audit) -> bytes:
    """Draw trade prices by aggressor, and sizes."""
    rows = _thinned(audit.staged.select(TS_RECV, PX, SZ, AGGRESSOR_SIDE))
    figure, (prices, sizes) = new_figure(2, row_in=1.8)
    for side, color in (("buy", "tab:green"), ("sell", "tab:red")):
        some = rows.filter(pl.col(AGGRESSOR_SIDE) == side)
        prices.scatter(some[TS_RECV].to_numpy(), some[PX].to_numpy(), s=1, color=color, label=side)
    prices.legend(fontsize=7)
    sizes.plot(rows[TS_RECV].to_numpy(), rows[SZ].to_numpy(), ",")
    sizes.set_ylabel("size", fontsize=7)
    figure.suptitle(str(audit.partition), fontsize=9)
    return as_png(figure)


def _thinned(rows: pl.LazyFrame) -> pl.DataFrame:
    table = rows.collect()
    return table.gather_every(max(1, table.height // MAX_POINTS))
