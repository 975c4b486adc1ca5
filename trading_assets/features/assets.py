"""The features stage: from raw tables to `book_features`."""

from pathlib import Path
from typing import Final

import polars as pl

from trading_assets.features.checks import BOOK_FEATURES
from trading_assets.features.matrix import feature_rows, feature_schema
from trading_assets.features.plots import feature_plot
from trading_assets.features.runs import RUN_TICKS
from trading_assets.orchestration.step import Output, published
from trading_assets.settings import Settings
from trading_assets.storage.formats import write_rows

OF_BOOKS: Final = {"raw_l2_snapshots": "no book in the recording"}
"""What features, and all that is made of them, need."""


@published(Output(BOOK_FEATURES, plot=feature_plot), reads=("features",), code_version="3", needs=OF_BOOKS)
def book_features(
    raw_l2_snapshots: pl.LazyFrame,
    raw_trades: pl.LazyFrame,
    feed_gaps: pl.LazyFrame,
    settings: Settings,
    workspace: Path,
) -> Path:
    """Spread, depth, order flow and volatility on a time grid, from the past only; null across a gap."""
    path = workspace / "book_features.parquet"
    rows = feature_rows(raw_l2_snapshots, raw_trades, feed_gaps, settings.features)
    write_rows(rows, feature_schema(settings.features), path, group_rows=RUN_TICKS)
    return path


STEPS: Final = (book_features,)
