"""The raw stage: captures, and the books, trades, gaps and dead letters they hold."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from trading_assets.errors import NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.days import Days
from trading_assets.orchestration.step import Made, Output, published
from trading_assets.raw.checks import BOOK, CAPTURES, DEAD_LETTERS, GAPS, TRADES
from trading_assets.raw.plots import book_plot, capture_plot, dead_letters_plot, gaps_plot, trades_plot
from trading_assets.raw.replay import facts, replay_day
from trading_assets.settings import Settings
from trading_assets.sources.merger import merge_captures
from trading_assets.storage.formats import CAPTURE
from trading_assets.storage.registry import TickRules


@published(Output(CAPTURES, suffix=CAPTURE, kinds=frozenset({"zstandard"}), plot=capture_plot), reads=("captures",))
def captures(landed: Sequence[Path], standing: Path | None, partition: Partition, settings: Settings) -> Made:
    """Recorded wire messages of a day, byte for byte: what was imported and what stands, without repeats."""
    sources = [*landed, *([standing] if standing else [])]
    if not sources:
        raise NotPublished(f"nothing was imported for {partition}: `trading-assets import FILE…`")
    write: Callable[[Path], Any] = partial(merge_captures, sources, settings=settings.captures)
    return Made({"captures": write}, evidence={"sources": sources})


@published(
    {
        "raw_l2_snapshots": Output(
            BOOK,
            "Top of the book after every message that changed it, rebuilt by the venue's own synchronisation rule.",
            plot=book_plot,
        ),
        "raw_trades": Output(TRADES, "Trades with the side of the aggressor, each id once.", plot=trades_plot),
        "feed_gaps": Output(
            GAPS, "The gap ledger: where the feed broke, when that could be known, until when, why.", plot=gaps_plot
        ),
        "dead_letters": Output(
            DEAD_LETTERS, "Lines of the capture that could not be decoded, with the reason.", plot=dead_letters_plot
        ),
    },
    reads=("book", "captures"),
    windows=lambda _: {"captures": Days(-1, 0)},
    code_version="3",
)
def raw_books(
    captures: Mapping[date, Path], partition: Partition, tick_rules: TickRules, settings: Settings, workspace: Path
) -> Made:
    """Replay a day of captures into books, trades, gaps and dead letters, published together."""
    day = replay_day(captures, partition, tick_rules, settings, workspace)
    return Made(
        {
            **day.files,
            "feed_gaps": day.findings.gaps,
            "dead_letters": day.findings.dead_letters,
        },
        evidence={"day": day, "facts": facts(day, pl.scan_parquet(day.files["raw_l2_snapshots"]))},
    )


STEPS: Final = (captures, raw_books)
