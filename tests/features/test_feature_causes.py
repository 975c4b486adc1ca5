from datetime import UTC, datetime, timedelta

import polars as pl

from trading_assets.features.causes import feature_causes, longest_stretch_s
from trading_assets.features.matrix import feature_schema
from trading_assets.schema import TIME, TS_GRID
from trading_assets.sections import FeatureSettings

NOON = datetime(2024, 8, 8, 12, tzinfo=UTC)
SETTINGS = FeatureSettings(windows_s=(1.0, 60.0))


def table(*seconds: int) -> pl.LazyFrame:
    """Ticks of which nothing is known."""
    ticks = pl.Series(TS_GRID, [NOON + timedelta(seconds=s) for s in seconds], dtype=TIME)
    columns = {name: pl.Series(name, [None] * len(seconds), dtype=dtype) for name, dtype in COLUMNS.items()}
    return pl.DataFrame({**columns, TS_GRID: ticks}).lazy()


COLUMNS = feature_schema(SETTINGS)


def test_a_stretch_ends_where_a_silence_begins() -> None:
    assert 120.0 == longest_stretch_s(table(0, 60, 120, 500, 510))
    assert 0.0 == longest_stretch_s(table(7))
    assert 0.0 == longest_stretch_s(table())


def test_a_recording_shorter_than_the_longest_window_is_named_as_that() -> None:
    causes = dict(feature_causes(table(*range(13)), SETTINGS))

    assert "span 12 s" in causes["null_share_worst"]
    assert "longest window of features.windows_s is 60 s" in causes["null_share_worst"]
    assert "one each 1 s" in causes["n_rows"]


def test_of_a_long_recording_the_worst_column_is_named() -> None:
    causes = dict(feature_causes(table(*range(100)), SETTINGS))
    (name, *_) = causes["null_share_worst"].split(" is not known in 100%")

    assert name in COLUMNS
