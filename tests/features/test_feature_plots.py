from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trading_assets import schema
from trading_assets.features.plots import draw_features

PNG = b"\x89PNG\r\n\x1a\n"
START = datetime(2024, 8, 8, tzinfo=UTC)


def features(rows: int, **values: float | None) -> pl.DataFrame:
    ticks = pl.Series(schema.TS_GRID, [START + timedelta(seconds=n) for n in range(rows)], dtype=schema.TIME)
    named = {name: pl.Series([value] * rows, dtype=pl.Float64) for name, value in values.items()}
    return pl.DataFrame({schema.TS_GRID: ticks, **named})


@pytest.mark.parametrize("rows", [0, 1, 2, 900])
@pytest.mark.parametrize("value", [None, 0.0, 1.7e308, -1.7e308, 5e-324, float("nan"), float("inf")])
def test_any_feature_is_drawn(rows: int, value: float | None) -> None:
    png = draw_features(features(rows, spread_bps=value, other=value), title="x")

    assert png.startswith(PNG)


def test_a_table_without_features_is_drawn() -> None:
    assert draw_features(features(9), title="x").startswith(PNG)


def test_the_picture_of_many_features_stays_small() -> None:
    table = features(500).with_columns(
        (pl.int_range(pl.len()) * n % 97).cast(pl.Float64).alias(f"feature_{n}") for n in range(1, 80)
    )

    assert len(draw_features(table, title="x")) < 150_000
