from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trading_assets import schema
from trading_assets.models.table_plots import draw_forecasts, draw_labels

PNG = b"\x89PNG\r\n\x1a\n"
START = datetime(2024, 8, 8, tzinfo=UTC)
HORIZONS = (1.0, 10.0)
VALUES = pytest.mark.parametrize("value", [None, 0.0, 1.7e308, -3.0, float("nan")])
ROWS = pytest.mark.parametrize("rows", [0, 1, 900])


def table(columns: dict[str, pl.DataType], rows: int, value: float | None) -> pl.LazyFrame:
    ticks = [START + timedelta(seconds=n) for n in range(rows)]
    floats = {name: pl.Series([value] * rows, dtype=kind) for name, kind in columns.items() if kind == pl.Float64()}
    others = {name: pl.Series([None] * rows, dtype=kind) for name, kind in columns.items() if name not in floats}
    return pl.LazyFrame({**others, schema.TS_GRID: pl.Series(ticks, dtype=schema.TIME), **floats})


@ROWS
@VALUES
def test_any_labels_are_drawn(rows: int, value: float | None) -> None:
    assert draw_labels(table(schema.labels(HORIZONS), rows, value), HORIZONS, title="x").startswith(PNG)


@ROWS
@VALUES
def test_any_forecasts_are_drawn(rows: int, value: float | None) -> None:
    assert draw_forecasts(table(schema.forecasts(HORIZONS), rows, value), HORIZONS, title="x").startswith(PNG)
