"""What it means that a table of features is refused, and the way out, in words.

Belongs here: causes that a number does not name. Does not: measuring (quality), limits (checks).
"""

from collections.abc import Iterator

import polars as pl

from trading_assets.features.grid import NS, SILENCE_S, epoch_ns
from trading_assets.features.quality import null_shares
from trading_assets.features.registry import REGISTRY
from trading_assets.schema import TS_GRID
from trading_assets.sections import FeatureSettings


def feature_causes(table: pl.LazyFrame, settings: FeatureSettings) -> Iterator[tuple[str, str]]:
    """Yield measures of `feature_quality` with what they mean if they are outside their limits."""
    span_s, window_s = longest_stretch_s(table), max(settings.windows_s)
    lasts = f"the recording's ticks span {span_s:g} s without a silence"
    yield "n_rows", f"{lasts}, one each {settings.grid_s:g} s: record for longer, or lower gate.min_feature_rows"
    if span_s < window_s:
        yield (
            "null_share_worst",
            f"{lasts}, the longest window of features.windows_s is {window_s:g} s: record for longer, or shorten it",
        )
        return
    shares = null_shares(table, settings)
    worst = max((n for f in REGISTRY if not f.may_be_undefined for n in f.names(settings)), key=shares.__getitem__)
    told = f"{worst} is not known in {shares[worst]:.0%} of the ticks after the first {window_s:g} s"
    yield "null_share_worst", f"{told}: feed_gaps says when the book was not known"


def longest_stretch_s(table: pl.LazyFrame) -> float:
    """Return the seconds from the first to the last tick of the longest stretch of ticks without a silence."""
    ticks = table.select(epoch_ns(TS_GRID).alias("tick")).collect()
    stretch = (pl.col("tick").diff() > SILENCE_S * NS).fill_null(value=False).cum_sum().alias("stretch")
    spans = ticks.with_columns(stretch).group_by("stretch").agg(pl.col("tick").max() - pl.col("tick").min())
    return float(spans["tick"].max() or 0) / NS  # type: ignore[arg-type]  # integers: polars types them as anything
