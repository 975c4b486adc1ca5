from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from model_days import AS_OF, HORIZONS, trained, training_day

from trading_assets import schema
from trading_assets.errors import MissingFeatures
from trading_assets.models.document import ModelDocument
from trading_assets.models.forecast import forecast_frame

FEATURES = training_day(AS_OF, rows=300).features
MD5 = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def document() -> ModelDocument:
    return trained()


def forecast(document: ModelDocument, features: pl.DataFrame) -> pl.DataFrame:
    return forecast_frame(document, MD5, features).collect()


def test_every_tick_has_a_finite_forecast_that_names_its_model(document: ModelDocument) -> None:
    made = forecast(document, FEATURES)

    assert pl.Schema(schema.forecasts(HORIZONS)) == made.schema
    assert made[schema.TS_GRID].equals(FEATURES[schema.TS_GRID])
    assert made.select(pl.selectors.float().is_finite().all()).row(0) == (True, True)
    assert [MD5] == made[schema.MODEL_VERSION].unique().to_list()


def test_where_nothing_is_known_nothing_is_expected(document: ModelDocument) -> None:
    blind = FEATURES.select(schema.TS_GRID, *(pl.lit(None, pl.Float64).alias(name) for name in document.feature_names))

    assert {0.0} == set(forecast(document, blind).select(pl.selectors.float()).to_numpy().ravel())


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_unknown(document: ModelDocument, odd: float) -> None:
    known, unknown = (FEATURES.with_columns(pl.lit(value, pl.Float64).alias("spread_bps")) for value in (odd, None))

    assert forecast(document, unknown).equals(forecast(document, known))


def test_columns_may_come_in_any_order_and_with_others(document: ModelDocument) -> None:
    shuffled = FEATURES.select(pl.lit("x").alias("other"), *reversed(FEATURES.columns))

    assert forecast(document, FEATURES).equals(forecast(document, shuffled))


def test_a_forecast_of_a_row_does_not_depend_on_the_others(document: ModelDocument) -> None:
    assert forecast(document, FEATURES).head(40).equals(forecast(document, FEATURES.head(40)))


def test_no_ticks_give_no_forecasts(document: ModelDocument) -> None:
    assert pl.Schema(schema.forecasts(HORIZONS)) == forecast(document, FEATURES.head(0)).schema


def test_forecasts_follow_the_planted_signal(document: ModelDocument) -> None:
    later = training_day(AS_OF + timedelta(days=1), rows=300)
    known = forecast(document, later.features).join(later.labels, on=schema.TS_GRID).drop_nulls()

    assert np.corrcoef(known[schema.forecast_bps(1.0)], known[schema.ret_fwd_bps(1.0)])[0, 1] > 0.3


def test_missing_features_are_named(document: ModelDocument) -> None:
    with pytest.raises(MissingFeatures, match=r"as of 2024-08-10 needs \['imbalance_1', 'ts_grid'\]"):
        forecast(document, FEATURES.drop("imbalance_1", schema.TS_GRID))
