"""The models stage: labels, the model trained on the days before, and its forecasts."""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from trading_assets.features.assets import OF_BOOKS
from trading_assets.identifiers import Partition
from trading_assets.models.checks import FORECASTS, LABELS, MODEL
from trading_assets.models.dataset import TrainingDay
from trading_assets.models.document import ModelDocument
from trading_assets.models.forecast import forecast_frame
from trading_assets.models.labels import label_frame
from trading_assets.models.plots import model_plot
from trading_assets.models.table_plots import forecasts_plot, labels_plot
from trading_assets.models.train import train_model
from trading_assets.orchestration.days import Days
from trading_assets.orchestration.step import Output, published
from trading_assets.settings import Settings
from trading_assets.storage.formats import DOCUMENT


def _days_before(settings: Settings) -> dict[str, Days]:
    window = Days(-settings.model.train_days, -1, settings.model.min_day_coverage)
    return {"book_features": window, "labels": window}


@published(Output(LABELS, plot=labels_plot), reads=("features", "labels"), code_version="2", needs=OF_BOOKS)
def labels(book_features: pl.LazyFrame, feed_gaps: pl.LazyFrame, settings: Settings) -> pl.LazyFrame:
    """Forward return of the mid and its direction at each horizon; null where the future is missing or across a gap."""
    return label_frame(book_features, feed_gaps, settings.labels, grid_s=settings.features.grid_s)


@published(
    Output(
        MODEL,
        suffix=DOCUMENT,
        kinds=frozenset({"lightgbm", "mlflow"}),
        plot=lambda audit: model_plot(ModelDocument.from_bytes(audit.staged)),
    ),
    reads=("features", "labels", "model"),
    windows=_days_before,
    is_tracked=True,
    needs=OF_BOOKS,
)
def model(
    book_features: Mapping[date, pl.LazyFrame],
    labels: Mapping[date, pl.LazyFrame],
    partition: Partition,
    settings: Settings,
) -> bytes:
    """LightGBM beside a linear baseline, trained on the days before and judged on unseen time against no change."""
    days = [
        TrainingDay(day, book_features[day].collect(), labels[day].collect())
        for day in sorted(set(book_features) & set(labels))
    ]
    document = train_model(
        days,
        as_of=partition.day,
        settings=settings.model,
        label_settings=settings.labels,
        embargo_s=max(settings.features.windows_s),
    )
    return document.to_bytes()


@published(Output(FORECASTS, plot=forecasts_plot), code_version="2", needs=OF_BOOKS)
def forecasts(model: bytes, book_features: pl.LazyFrame) -> pl.LazyFrame:
    """The forward return the model of the days before expects at each tick, in basis points."""
    version = hashlib.md5(model, usedforsecurity=False).hexdigest()
    return forecast_frame(ModelDocument.from_bytes(model), version, book_features)


STEPS: Final = (labels, model, forecasts)
