"""The gates of labels, models and forecasts."""

import hashlib
from collections.abc import Sequence
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.models.document import ModelDocument
from trading_assets.models.labels_quality import label_quality
from trading_assets.models.quality import (
    forecast_quality,
    model_against_inputs,
    model_against_settings,
    model_quality,
)
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule, none_of
from trading_assets.settings import Settings


def _measure_labels(audit: Audit) -> Measures:
    features, gaps = audit.inputs["book_features"].collect(), audit.inputs["feed_gaps"].collect()
    return label_quality(audit.staged.collect(), features, gaps, audit.settings.labels)


def _label_rules(settings: Settings) -> Sequence[Rule]:
    return (
        Rule("labels_have_rows", "n_rows", minimum=settings.gate.min_feature_rows),
        none_of("labels_stand_beside_their_features", "n_wrong_rows"),
        none_of("labels_are_not_nan", "n_nan"),
        none_of("labels_are_finite", "n_inf"),
        none_of("the_last_horizon_is_null", "n_tail_not_null"),
        none_of("no_label_reaches_across_a_gap", "n_across_gap"),
        none_of("classes_are_the_signs_of_returns", "n_wrong_class"),
        none_of("returns_are_those_of_the_mid", "n_mismatch"),
        Rule("labels_are_mostly_known", "null_share_worst", maximum=settings.gate.max_null_share),
    )


def _measure_model(audit: Audit) -> Measures:
    document = ModelDocument.from_bytes(audit.staged)
    given = {day: table.collect_schema().names() for day, table in audit.inputs["book_features"].items()}
    n_given = sum(int(table.select(pl.len()).collect().item()) for table in audit.inputs["book_features"].values())
    return {
        **model_quality(document, audit.partition.day),
        **model_against_inputs(document, given, n_given),
        **model_against_settings(document, audit.settings),
    }


def _model_rules(settings: Settings) -> Sequence[Rule]:
    n_horizons = len(settings.labels.horizons_s)
    return (
        Rule("model_has_training_rows", "n_rows", minimum=settings.model.min_rows),
        Rule("model_has_training_days", "n_trained_days", minimum=1, maximum=settings.model.train_days),
        Rule("model_has_every_horizon", "n_horizons", minimum=n_horizons, maximum=n_horizons),
        none_of("model_is_dated_its_day", "n_wrong_as_of"),
        none_of("model_horizons_are_those_of_labels", "n_wrong_horizons"),
        none_of("model_was_made_with_its_settings", "n_wrong_parameters"),
        none_of("model_is_trained_on_days_it_was_given", "n_days_not_given"),
        none_of("model_rows_are_of_its_days", "n_rows_not_given"),
        none_of("model_features_are_those_of_its_days", "n_features_not_given"),
        none_of("model_cannot_say_the_absurd", "n_absurd_horizons"),
        none_of("scores_are_possible", "n_impossible_scores"),
        none_of("model_is_trained_on_earlier_days", "n_days_not_before"),
        none_of("training_labels_end_before_the_day", "n_labels_not_before"),
        none_of("evaluation_is_purged", "n_purge_overlaps"),
        none_of("model_numbers_are_finite", "n_nonfinite"),
        none_of("model_is_judged_at_every_horizon", "n_unscored"),
    )


def _measure_forecasts(audit: Audit) -> Measures:
    data = audit.inputs["model"]
    return forecast_quality(
        audit.staged,
        audit.inputs["book_features"],
        document=ModelDocument.from_bytes(data),
        model_version=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        day=audit.partition.day,
    )


def _forecast_rules(settings: Settings) -> Sequence[Rule]:
    return (
        Rule("forecasts_have_rows", "n_rows", minimum=settings.gate.min_feature_rows),
        none_of("forecasts_are_not_null", "n_null"),
        none_of("forecasts_are_not_nan", "n_nan"),
        none_of("forecasts_are_finite", "n_inf"),
        none_of("forecasts_are_not_absurd", "n_out_of_range"),
        none_of("forecasts_are_those_of_the_model", "n_mismatch"),
        none_of("forecasts_name_their_model", "n_wrong_version"),
        none_of("forecasts_are_dated_after_training", "n_before_training"),
        none_of("forecasts_are_of_their_day", "n_wrong_day"),
        none_of("every_tick_is_forecast", "n_missing_ticks"),
        none_of("only_ticks_are_forecast", "n_unknown_ticks"),
        none_of("ticks_are_forecast_once", "n_duplicate_ticks"),
        none_of("forecasts_are_sorted", "n_unsorted"),
    )


LABELS: Final = Gate(
    measure=_measure_labels,
    rules=_label_rules,
    columns=lambda settings: schema.labels(settings.labels.horizons_s),
)
MODEL: Final = Gate(measure=_measure_model, rules=_model_rules)
FORECASTS: Final = Gate(
    measure=_measure_forecasts,
    rules=_forecast_rules,
    columns=lambda settings: schema.forecasts(settings.labels.horizons_s),
)
