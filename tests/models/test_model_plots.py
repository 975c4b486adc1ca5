import math

import polars as pl
from model_days import trained, training_days

from trading_assets.models.dataset import TrainingDay
from trading_assets.models.evaluate import CalibrationGroup
from trading_assets.models.plots import model_plot, standard_error_bps, worth_plot

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_model_is_drawn_as_png_the_same_every_time() -> None:
    document = trained(training_days(rows=200))

    assert model_plot(document).startswith(PNG)
    assert model_plot(document) == model_plot(document)


def test_a_model_that_learnt_nothing_is_drawn_too() -> None:
    days = training_days(rows=200)
    still = [TrainingDay(day.day, day.features, day.labels.with_columns(pl.selectors.numeric() * 0)) for day in days]

    assert model_plot(trained(still)).startswith(PNG)


def test_models_are_drawn_beside_each_other_the_first_sixty_rows_of_them() -> None:
    document = trained(training_days(rows=200))

    assert worth_plot({"only": document}, title="x").startswith(PNG)
    assert worth_plot({str(n): document for n in range(99)}, title="x").startswith(PNG)
    assert worth_plot({}, title="x").startswith(PNG)


def test_a_mean_of_few_label_windows_is_told_to_be_uncertain() -> None:
    evaluation = trained(training_days(rows=200)).horizons[-1].evaluation
    naive = evaluation.scores["naive"]
    group = CalibrationGroup(n=naive.n, mean_forecast_bps=0.0, mean_realised_bps=0.0)

    assert math.isclose(
        math.sqrt(naive.mse or 0) / math.sqrt(2 * naive.n_blocks), standard_error_bps(group, evaluation)
    )
