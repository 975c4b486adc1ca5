"""What raw tables look like: the mid, the spread and the gaps of a book; the prices of trades."""

from typing import Final

import polars as pl

from trading_assets.orchestration.gate import Audit
from trading_assets.plots import as_png, new_figure
from trading_assets.schema import AGGRESSOR_SIDE, CAUSE, IS_VALID, PX, SZ, TS_END, TS_RECV, TS_START, level

MAX_POINTS: Final = 3_000
"""More points than this are not told apart on a screen, and cost seconds to draw."""


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
