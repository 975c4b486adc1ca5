"""The pictures of one section: those of the assets' own pages, drawn from what is published.

Belongs here: which picture is made of which tables, and how forecasts did on their own day.
Does not: drawing (each stage's plots).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import polars as pl

from trading_assets.features.plots import draw_features
from trading_assets.models.document import ModelDocument
from trading_assets.models.evaluate import block_rows, score
from trading_assets.models.plots import model_plot
from trading_assets.models.table_plots import draw_forecasts, draw_labels
from trading_assets.raw.book_plots import draw_book
from trading_assets.raw.feed_plots import draw_dead_letters, draw_gaps, draw_trades
from trading_assets.report.gather import Published
from trading_assets.report.records import Picture, Worth
from trading_assets.schema import FEED_GAPS, TS_EVENT, TS_GRID, TS_RECV, class_fwd, forecast_bps, ret_fwd_bps
from trading_assets.settings import Settings

LABEL: Final = "ret_fwd_"
FORECAST: Final = "forecast_"


def pictures_of(published: Published, *, title: str) -> Iterator[Picture]:
    """Draw everything there is to draw of a partition, in the data's order."""
    tables = published.tables
    gaps = tables["feed_gaps"].collect() if "feed_gaps" in tables else pl.DataFrame(schema=FEED_GAPS)
    if (book := tables.get("raw_l2_snapshots")) is not None:
        yield Picture(
            "The book: resting size around the mid, mid, spread; gaps shaded", draw_book(book, gaps, title=title)
        )
        if "feed_gaps" in tables:
            clocks = book.select(TS_EVENT, TS_RECV).collect()
            yield Picture(
                "The gap ledger by cause, and how far the clocks were apart", draw_gaps(gaps, clocks, title=title)
            )
    if (trades := tables.get("raw_trades")) is not None:
        yield Picture("Trades by aggressor", draw_trades(trades, title=title))
    if (letters := tables.get("dead_letters")) is not None and letters.head(1).collect().height:
        yield Picture("Lines that could not be read", draw_dead_letters(letters, title=title))
    if (features := tables.get("book_features")) is not None:
        yield Picture("Features: what is known, and each distribution", draw_features(features.collect(), title=title))
    if (labels := tables.get("labels")) is not None:
        yield Picture(
            "Labels: classes and forward returns", draw_labels(labels, _horizons_of(labels, LABEL), title=title)
        )
    if content := published.documents.get("model"):
        picture = model_plot(ModelDocument.from_bytes(content))
        yield Picture("The model: worth against baselines, calibration, importance", picture)
    if (forecasts := tables.get("forecasts")) is not None:
        yield Picture(
            "Forecasts over the day", draw_forecasts(forecasts, _horizons_of(forecasts, FORECAST), title=title)
        )


def realised_worth(tables: Mapping[str, pl.LazyFrame], settings: Settings) -> list[Worth]:
    """Hold the forecasts of a day against what followed: a day that the model was not trained on, nor judged by."""
    if "forecasts" not in tables or "labels" not in tables:
        return []
    both = tables["forecasts"].join(tables["labels"], on=TS_GRID, how="inner", maintain_order="left").collect()
    return [
        found
        for seconds in _horizons_of(tables["forecasts"], FORECAST)
        if ret_fwd_bps(seconds) in both.columns and (found := _worth(both, seconds, settings)) is not None
    ]


def _worth(both: pl.DataFrame, seconds: float, settings: Settings) -> Worth | None:
    names = [forecast_bps(seconds), ret_fwd_bps(seconds)]
    rows = both.filter(pl.all_horizontal(pl.col(names).is_finite()))
    if rows.is_empty():
        return None
    forecast, realised = (rows[name].to_numpy() for name in names)
    classes = rows[class_fwd(seconds)].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    ticks = rows[TS_GRID].to_physical().to_numpy().astype(np.int64)
    block = block_rows(ticks, seconds)
    return Worth(seconds, "booster", score(forecast, realised, classes, block=block, settings=settings.model))


def _horizons_of(table: pl.LazyFrame, prefix: str) -> list[float]:
    """Return the horizons that a table has columns of, in seconds: the settings may have changed since."""
    spelled = [
        name.removeprefix(prefix).removesuffix("_bps") for name in table.collect_schema() if name.startswith(prefix)
    ]
    return [float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1]) for text in spelled]
