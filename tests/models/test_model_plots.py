import polars as pl
from model_days import trained, training_days

from trading_assets.models.dataset import TrainingDay
from trading_assets.models.plots import model_plot

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_model_is_drawn_as_png_the_same_every_time() -> None:
    document = trained(training_days(rows=200))

    assert model_plot(document).startswith(PNG)
    assert model_plot(document) == model_plot(document)


def test_a_model_that_learnt_nothing_is_drawn_too() -> None:
    days = training_days(rows=200)
    still = [TrainingDay(day.day, day.features, day.labels.with_columns(pl.selectors.numeric() * 0)) for day in days]

    assert model_plot(trained(still)).startswith(PNG)
