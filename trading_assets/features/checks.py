"""The gate of `book_features`: ranges, absence, the grid, and no sight of the future."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from trading_assets.features.causes import feature_causes
from trading_assets.features.grid import nanoseconds
from trading_assets.features.lookahead import lookahead_rows
from trading_assets.features.matrix import feature_schema
from trading_assets.features.quality import feature_quality
from trading_assets.features.ticks import count_ticks
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule, none_of
from trading_assets.settings import Settings


def _measure(audit: Audit) -> Measures:
    settings = audit.settings.features
    book, trades, gaps = (audit.inputs[name] for name in ("raw_l2_snapshots", "raw_trades", "feed_gaps"))
    n_ahead = lookahead_rows(audit.staged, book, trades, gaps, settings, cuts=audit.settings.gate.lookahead_cuts)
    n_ticks = count_ticks(book, grid_ns=nanoseconds(settings.grid_s))
    quality = feature_quality(audit.staged, settings)
    return {**quality, "n_lookahead_rows": n_ahead, "n_missing_ticks": abs(n_ticks - quality["n_rows"])}


def _rules(settings: Settings) -> Sequence[Rule]:
    return (
        Rule("features_have_rows", "n_rows", minimum=settings.gate.min_feature_rows),
        none_of("features_are_not_nan", "n_nan"),
        none_of("features_are_finite", "n_inf"),
        none_of("features_lie_within_their_bounds", "n_out_of_range"),
        none_of("every_tick_of_the_recording_is_there", "n_missing_ticks"),
        none_of("ticks_rise_on_the_grid", "n_grid_broken"),
        none_of("no_column_is_named_forward", "n_fwd_columns"),
        none_of("features_equal_those_of_their_past", "n_lookahead_rows"),
        Rule("features_are_mostly_known", "null_share_worst", maximum=settings.gate.max_null_share),
    )


def _offenders(audit: Audit) -> pl.DataFrame:
    floats = pl.selectors.float()
    broken = pl.any_horizontal(floats.is_nan() | floats.is_infinite())
    rows: pl.DataFrame = audit.staged.filter(broken).head(5).collect()
    return rows


BOOK_FEATURES: Final = Gate(
    measure=_measure,
    rules=_rules,
    columns=lambda settings: feature_schema(settings.features),
    offenders=_offenders,
    causes=lambda audit: dict(feature_causes(audit.staged, audit.settings.features)),
)
