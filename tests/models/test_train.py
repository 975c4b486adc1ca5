import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_days import AS_OF, FIRST, LABELS, SMALL, trained, training_day, training_days

from trading_assets.errors import NotTrainable
from trading_assets.models.dataset import TrainingDay, to_ns
from trading_assets.models.document import ModelDocument
from trading_assets.models.train import train_model
from trading_assets.sections import LabelSettings

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def found() -> ModelDocument:
    return trained()


@pytest.mark.parametrize("learner", ["booster", "linear"])
def test_a_planted_signal_is_found(found: ModelDocument, learner: str) -> None:
    scores = [model.evaluation.scores[learner] for model in found.horizons]  # type: ignore[index]  # parametrized

    assert [True, True] == [score.is_better_than_naive for score in scores]
    assert all(0.1 < (score.r2 or 0) < 0.3 for score in scores)
    assert (1.0, 10.0) == found.horizons_better_than_naive_s


def test_the_planted_feature_carries_the_model(found: ModelDocument) -> None:
    assert ["imbalance_1", "imbalance_1"] == [model.importances[0].feature for model in found.horizons]


@pytest.mark.parametrize("seed", range(4))
def test_pure_noise_is_published_as_weak(seed: int) -> None:
    model = trained(training_days(strength=0.0, rows=300, seed=seed))

    assert () == model.horizons_better_than_naive_s
    assert not model.is_better_than_naive


def test_a_signal_that_turns_on_unseen_time_is_worth_less_than_nothing() -> None:
    first, second = training_days(rows=400)
    turned = TrainingDay(second.day, second.features.with_columns(-pl.col("imbalance_1")), second.labels)
    model = trained([first, turned])

    assert all((horizon.evaluation.scores["booster"].r2 or 0) < 0 for horizon in model.horizons)
    assert not model.is_better_than_naive


def test_the_unseen_rows_are_the_last_share_and_all_rows_are_fitted_in_the_end(found: ModelDocument) -> None:
    model = found.horizons[0]

    assert round(0.3 * model.rows.n) - 1 <= model.evaluation.unseen.n <= 0.3 * model.rows.n
    assert model.rows.last_ns == model.evaluation.unseen.last_ns
    assert model.rows.first_ns == model.evaluation.train.first_ns


def test_unseen_labels_do_not_change_what_is_forecast_there(found: ModelDocument) -> None:
    first, second = training_days()
    is_unseen = (pl.int_range(pl.len()) >= 600 - 300) & pl.col("ret_fwd_1s_bps").is_not_null()
    spoilt = second.labels.with_columns(
        pl.when(is_unseen).then(9.0).otherwise("ret_fwd_1s_bps").alias("ret_fwd_1s_bps")
    )
    other = trained([first, TrainingDay(second.day, second.features, spoilt)])
    honest, fooled = (document.horizons[0].evaluation.calibration for document in (found, other))

    assert [group.mean_forecast_bps for group in honest] == [group.mean_forecast_bps for group in fooled]
    assert fooled[0].mean_realised_bps > 5.0


@settings(max_examples=10)
@given(
    rows=st.integers(60, 200),
    start_s=st.integers(0, 86_000),
    embargo=st.sampled_from([0.0, 5.0, 60.0]),
    share=st.floats(0.2, 0.6),
)
def test_no_fitted_label_and_embargo_overlaps_the_unseen_part_nor_the_day_itself(
    rows: int, start_s: int, embargo: float, share: float
) -> None:
    shift = pl.col("ts_grid") + timedelta(seconds=min(start_s, 86_399 - rows) - 9 * 3600)
    days = [
        TrainingDay(day.day, day.features.with_columns(shift), day.labels.with_columns(shift))
        for day in training_days(rows=rows)
    ]
    chosen = SMALL.model_copy(update={"evaluate_share": share, "n_estimators": 1, "min_rows": 1})
    try:
        model = train_model(days, as_of=AS_OF, settings=chosen, label_settings=LABELS, embargo_s=embargo)
    except NotTrainable:
        return

    for horizon in model.horizons:
        fitted, unseen = horizon.evaluation.train, horizon.evaluation.unseen
        assert fitted.label_end_ns == fitted.last_ns + to_ns(horizon.horizon_s)
        assert fitted.label_end_ns + to_ns(embargo) < unseen.first_ns
    assert model.trained_until_ns < to_ns((AS_OF - FIRST.fromordinal(719_163)).days * 86_400)


def test_equal_days_give_equal_bytes_in_another_process(found: ModelDocument) -> None:
    code = "import sys; from model_days import trained; sys.stdout.buffer.write(trained().to_bytes())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=HERE)

    assert found.to_bytes() == done.stdout


def test_neither_chunks_nor_the_order_of_days_and_rows_change_the_bytes(found: ModelDocument) -> None:
    days = [
        TrainingDay(
            day.day,
            pl.concat([day.features.head(99), day.features.tail(-99)], rechunk=False).reverse(),
            day.labels.sample(fraction=1, shuffle=True, seed=7),
        )
        for day in reversed(training_days())
    ]

    assert found.to_bytes() == trained(days).to_bytes()


@pytest.mark.parametrize("value", [5.0, None])
def test_a_feature_that_says_nothing_changes_no_worth(found: ModelDocument, value: float | None) -> None:
    silent = pl.when(pl.col("imbalance_1").is_not_null()).then(pl.lit(value, pl.Float64)).alias("silent")
    days = [TrainingDay(day.day, day.features.with_columns(silent), day.labels) for day in training_days()]

    assert pytest.approx(worth(found)) == worth(trained(days))


def worth(document: ModelDocument) -> list[float | None]:
    return [model.evaluation.scores[learner].r2 for model in document.horizons for learner in ("booster", "linear")]


def test_labels_that_never_move_give_a_model_that_is_weak() -> None:
    still = [
        TrainingDay(day.day, day.features, day.labels.with_columns(pl.selectors.numeric() * 0))
        for day in training_days(rows=200)
    ]
    model = trained(still)

    assert not model.is_better_than_naive
    assert model.to_bytes() == ModelDocument.from_bytes(model.to_bytes()).to_bytes()


def test_a_real_spot_day_is_enough_to_train_on() -> None:
    model = train_model(
        [training_day(FIRST, rows=346)],
        as_of=AS_OF,
        settings=SMALL,
        label_settings=LabelSettings(horizons_s=(1.0, 10.0)),
        embargo_s=60.0,
    )

    assert (FIRST,) == model.trained_days
    assert all(np.isfinite(horizon.evaluation.scores["booster"].mse or np.nan) for horizon in model.horizons)


def test_too_few_rows_are_refused_with_the_setting_that_asks_for_more() -> None:
    with pytest.raises(NotTrainable, match=r"178 rows before 2024-08-10 .* at 1 s, model\.min_rows asks for 500"):
        trained([training_day(FIRST, rows=190)], settings=SMALL.model_copy(update={"min_rows": 500}))
