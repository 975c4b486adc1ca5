import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from sim_days import (
    FIRST,
    SECOND,
    Change,
    materialize,
    sound_house,
    spoiled,
    step_of,
    versions_of,
    why_failed,
    with_value,
)

from trading_assets.definitions import STEPS
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse

NAN, INF = float("nan"), float("inf")
DAY_NS = 86_400_000_000_000
BID, ASK, BID_SZ = "bid_px_00", "ask_px_00", "bid_sz_00"


def at_row(row: int, **values: Any) -> Change:
    def change(frame: pl.DataFrame) -> pl.DataFrame:
        for name, value in values.items():
            frame = with_value(name, value, row)(frame)
        return frame

    return change


def off_by(name: str, by: float, row: int = 40) -> Change:
    return lambda frame: with_value(name, frame[name][row] + by, row)(frame)


def days_later(name: str, n: int = 1) -> Change:
    return lambda frame: frame.with_columns(pl.col(name) + pl.duration(days=n))


def ahead(*but: str) -> Change:
    return lambda frame: frame.with_columns(pl.exclude(but).shift(-1))


ANY_TABLE: dict[str, tuple[Change, str]] = {
    "empty": (lambda frame: frame.clear(), "is 0, wanted|n_rows_altered|n_missing_ticks"),
    "a missing column": (lambda frame: frame.drop(frame.columns[-1]), "is missing"),
    "an extra column": (lambda frame: frame.with_columns(extra=pl.lit(1)), "extra is not declared"),
    "a wrong dtype": (lambda frame: frame.with_columns(pl.col(frame.columns[0]).cast(pl.String)), "is String, not"),
    "a repeated row": (lambda frame: pl.concat([frame.head(1), frame]), "wanted = 0"),
    "reversed rows": (lambda frame: frame.reverse(), "wanted = 0"),
    "a truncated tail": (lambda frame: frame.head(-1), "wanted = 0"),
    "a lost row": (lambda frame: pl.concat([frame.head(1), frame.tail(-2)]), "wanted = 0"),
}
TABLES: dict[str, dict[str, tuple[Change, str]]] = {
    "raw_l2_snapshots": {
        "a crossed valid row": (lambda f: with_value(BID, f[ASK][40] + 1)(f), "book_is_not_crossed: n_crossed is 1"),
        "unsorted levels": (
            lambda f: with_value("bid_px_01", f["bid_px_02"][40])(f),
            "levels_are_sorted: n_unsorted is 1",
        ),
        "NaN": (with_value(BID_SZ, NAN), "n_nan is 1"),
        "infinity": (with_value(BID_SZ, INF), "n_inf is 1"),
        "a negative size": (with_value(BID_SZ, -1.0), "n_nonpositive is 1"),
        "a hole": (with_value("bid_px_03", None), "n_holes is 1"),
        "null times": (with_value("ts_recv", None), "n_null_time is 1"),
        "null ids": (with_value("seq_last", None), "n_null_ids is 1"),
        "another day": (days_later("ts_recv"), "n_outside_day"),
        "too few rows": (lambda f: f.head(0), "book_has_rows: n_rows_lacking is 1"),
        "nothing valid": (lambda f: f.with_columns(is_valid=pl.lit(value=False)), "valid_share is 0"),
        "prices off the ticker": (lambda f: f.with_columns(pl.col(BID) - 0.01), "ticker_agreement is"),
        "a deep price off by a tick": (off_by("ask_px_19", 0.01), "book_is_that_of_the_replay: n_rows_altered"),
        "half of the recording": (lambda f: f.head(len(f) // 2), "coverage is"),
    },
    "raw_trades": {
        "NaN": (with_value("px", NAN), "n_nan is 1"),
        "infinity": (with_value("sz", INF), "n_inf is 1"),
        "a negative size": (with_value("sz", -1.0), "n_nonpositive is 1"),
        "null times": (with_value("ts_recv", None), "n_null is 1"),
        "another day": (days_later("ts_recv"), "n_outside_day"),
        "one price off": (off_by("px", 0.01), "trades_are_those_of_the_replay: n_rows_altered"),
        "sides exchanged": (with_value("aggressor_side", None), "n_null is 1"),
    },
    "feed_gaps": {
        "an end before its start": (
            lambda f: pl.concat([f, _gap(f).with_columns(pl.col("ts_end").dt.offset_by("-1s"))]),
            "n_malformed is 1",
        ),
        "no start": (lambda f: pl.concat([f, _gap(f).with_columns(ts_start=None).cast(f.schema)]), "n_malformed is 1"),
        "an invented gap": (lambda f: pl.concat([f, _gap(f)]), "n_rows_altered is 1"),
    },
    "dead_letters": {
        "one that is not counted": (
            lambda f: pl.concat([f, pl.DataFrame([(0, 0, 1, "why", b"x")], schema=f.schema, orient="row")]),
            "n_letters_unaccounted is 1",
        ),
    },
    "book_features": {
        "NaN": (with_value("mid_px", NAN), "n_nan is 1"),
        "infinity": (with_value("mid_px", INF), "n_inf is 1"),
        "too few rows": (lambda f: f.head(20), "features_have_rows: n_rows is 20"),
        "null times": (with_value("ts_grid", None), "n_grid_broken"),
        "another day": (days_later("ts_grid"), "n_lookahead_rows"),
        "a tick of look-ahead": (ahead("ts_grid"), "features_equal_those_of_their_past: n_lookahead_rows"),
        "one feature of the future": (
            lambda f: f.with_columns(pl.col("imbalance_1").shift(-1)),
            "features_equal_those_of_their_past: n_lookahead_rows",
        ),
        "an imbalance of two": (with_value("imbalance_1", 2.0), "n_out_of_range is 1"),
        "nothing known": (lambda f: f.with_columns(pl.lit(None, pl.Float64).alias("mid_px")), "null_share_worst is 1"),
    },
    "labels": {
        "NaN": (with_value("ret_fwd_1s_bps", NAN), "n_nan is 1"),
        "infinity": (with_value("ret_fwd_1s_bps", INF), "n_inf is 1"),
        "too few rows": (lambda f: f.head(20), "labels_have_rows: n_rows is 20"),
        "null times": (with_value("ts_grid", None), "n_wrong_rows is 1"),
        "another day": (days_later("ts_grid"), "n_wrong_rows"),
        "the last horizon filled in": (lambda f: f.with_columns(pl.exclude("ts_grid").fill_null(0)), "n_tail_not_null"),
        "off by a tick": (ahead("ts_grid"), "n_mismatch"),
        "a wrong class": (lambda f: f.with_columns(-pl.col("class_fwd_1s")), "n_wrong_class"),
        "mostly unknown": (
            lambda f: f.with_columns(pl.when(pl.int_range(pl.len()) < 20).then(pl.exclude("ts_grid"))),
            "null_share_worst",
        ),
    },
    "forecasts": {
        "NaN": (with_value("forecast_1s_bps", NAN), "n_nan is 1"),
        "infinity": (with_value("forecast_1s_bps", INF), "n_inf is 1"),
        "null": (with_value("forecast_1s_bps", None), "n_null is 1"),
        "an absurd move": (with_value("forecast_1s_bps", 1e5), "n_out_of_range is 1"),
        "too few rows": (lambda f: f.head(20), "forecasts_have_rows: n_rows is 20"),
        "another model's name": (lambda f: f.with_columns(model_version=pl.lit("0" * 32)), "n_wrong_version"),
        "a number of its own": (off_by("forecast_1s_bps", 0.01), "forecasts_are_those_of_the_model: n_mismatch is 1"),
        "another day": (days_later("ts_grid"), "n_wrong_day"),
        "dated before training": (days_later("ts_grid", -2), "n_before_training"),
        "null times": (with_value("ts_grid", None), "n_wrong_day is 1"),
    },
}


def _gap(frame: pl.DataFrame) -> pl.DataFrame:
    known = pl.lit(frame.get_column("ts_known").max() or FIRST_NOON).cast(frame.schema["ts_known"])
    values = {"ts_start": known, "ts_known": known, "ts_end": known, "cause": pl.lit("clock_skew")}
    row = pl.DataFrame({"seq_before": [None]}).with_columns(**values, seq_after=None)
    return row.select(pl.col(name).cast(dtype) for name, dtype in frame.schema.items())


FIRST_NOON = pl.Series([f"{SECOND.day}T12:00:00"]).str.to_datetime(time_unit="ns", time_zone="UTC")[0]


def without_line(lines: list[bytes]) -> list[bytes]:
    return [*lines[:50], *lines[51:]]


def of_another_day(line: bytes) -> bytes:
    return str(int(line[:19]) + DAY_NS).encode() + line[19:]


CAPTURES: dict[str, tuple[Change, str]] = {
    "a line lost": (without_line, "n_lines_lost is 1"),
    "a line invented": (lambda lines: [*lines, lines[-1]], "n_lines_invented is 1"),
    "a line for another": (lambda lines: [*without_line(lines), lines[-1]], "n_lines_lost is 1"),
    "a byte changed": (lambda lines: [*lines[:-1], lines[-1].replace(b'"', b"'", 1)], "n_lines_lost is 1"),
    "two lines exchanged": (lambda lines: [lines[1], lines[0], *lines[2:]], "n_lines_misplaced is 2"),
    "another day's line": (lambda lines: [*lines[:-1], of_another_day(lines[-1])], "n_receive_outside_day is 1"),
    "nothing": (lambda _: [], "capture_is_not_empty: n_lines is 0"),
}


def in_horizon(change: Callable[[dict[str, Any]], Any]) -> Change:
    def spoil(document: dict[str, Any]) -> dict[str, Any]:
        change(document["horizons"][0])
        return document

    return spoil


def with_trees(pattern: str, by: str) -> Change:
    def spoil(document: dict[str, Any]) -> dict[str, Any]:
        model = document["horizons"][0]
        lines = model["booster"].split("\n")
        at = next(n for n, line in enumerate(lines) if line.startswith(pattern))
        lines[at] = f"{pattern}=" + " ".join([by] * len(lines[at].split(" ")))
        model["booster"] = resized("\n".join(lines))
        return document

    return spoil


def resized(text: str) -> str:
    """Let `tree_sizes` be right again after a tree was changed."""
    head, _, body = text.partition("\n\nTree=")
    blocks = ("Tree=" + body.removesuffix("end of trees\n")).split("\n\n\n")[:-1]
    sizes = " ".join(str(len(block.lstrip("\n")) + 3) for block in blocks)
    lines = [f"tree_sizes={sizes}" if line.startswith("tree_sizes=") else line for line in head.split("\n")]
    return "\n".join(lines) + "\n\n" + body.join(["Tree=", ""])


def scored(**values: Any) -> Change:
    return in_horizon(lambda model: model["evaluation"]["scores"]["booster"].update(values))


MODEL: dict[str, tuple[Change, str]] = {
    "trained on its own day": (lambda d: {**d, "trained_days": [str(SECOND.day)]}, "n_days_not_before is 1"),
    "trained later": (lambda d: {**d, "trained_days": [str(SECOND.day + timedelta(days=3))]}, "n_days_not_before is 1"),
    "trained on a day it was not given": (
        lambda d: {**d, "trained_days": [str(FIRST.day - timedelta(days=1))]},
        "n_days_not_given is 1",
    ),
    "dated another day": (lambda d: {**d, "as_of": str(FIRST.day)}, "n_wrong_as_of is 1"),
    "labels that reach its day": (
        in_horizon(lambda model: model["rows"].update(label_end_ns=model["rows"]["label_end_ns"] + DAY_NS)),
        "n_labels_not_before is 1",
    ),
    "more rows than there were": (
        in_horizon(lambda model: model["rows"].update(n=10**6)),
        "model_rows_are_of_its_days: n_rows_not_given",
    ),
    "too few rows": (in_horizon(lambda model: model["rows"].update(n=3)), "model_has_training_rows: n_rows is 3"),
    "NaN for a score": (scored(mse=NAN), "the gate itself failed|n_nonfinite|n_impossible"),
    "an infinite score": (scored(r2=-INF), "the gate itself failed|n_nonfinite"),
    "an impossible score": (scored(correlation=1.5), "n_impossible_scores is 1"),
    "no score": (scored(mse=None), "n_unscored is 1"),
    "not purged": (
        in_horizon(
            lambda model: model["evaluation"]["unseen"].update(first_ns=model["evaluation"]["train"]["last_ns"])
        ),
        "n_purge_overlaps is 1",
    ),
    "absurd leaves": (with_trees("leaf_value", "1e9"), "n_absurd_horizons is 1|not a model document"),
    "trees that are none": (in_horizon(lambda model: model.update(booster="tree\n")), "not a model document"),
    "other settings": (lambda d: {**d, "parameters": {**d["parameters"], "seed": 8}}, "n_wrong_parameters is 1"),
    "a horizon less": (lambda d: {**d, "horizons": d["horizons"][:1]}, "model_has_every_horizon: n_horizons is 1"),
    "another horizon": (in_horizon(lambda model: model.update(horizon_s=0.5)), "n_wrong_horizons is 2"),
    "other bytes": (lambda _: b"no model", "not a model document"),
    "no bytes": (lambda _: b"", "not a model document"),
}
NO_ROWS_TO_LOSE = {"feed_gaps": ("empty", "a repeated row", "reversed rows", "a truncated tail", "a lost row")}
NO_ROWS_TO_LOSE["dead_letters"] = NO_ROWS_TO_LOSE["feed_gaps"]


def attacks() -> Iterator[Any]:
    everything = {name: {**ANY_TABLE, **ways} for name, ways in TABLES.items()}
    for output, ways in {"captures": CAPTURES, **everything, "model": MODEL}.items():
        for what, (change, reason) in ways.items():
            if what not in NO_ROWS_TO_LOSE.get(output, ()):
                marks = [pytest.mark.slow] if what in ANY_TABLE and output != "raw_l2_snapshots" else []
                yield pytest.param(output, change, reason, id=f"{output}: {what}", marks=marks)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """One lake for all attacks: what one leaves behind, the next would find."""
    return sound_house(tmp_path_factory.mktemp("attacked"))


@pytest.mark.parametrize(("output", "change", "reason"), list(attacks()))
def test_bad_data_are_refused_recorded_and_never_stand(
    attacked: Warehouse, output: str, change: Change, reason: str
) -> None:
    before = versions_of(attacked, SECOND)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize([spoiled(output, change)], SECOND, attacked, instance)

    why = why_failed(result)
    assert not result.success
    assert any(part in why for part in reason.split("|")), why
    assert before == versions_of(attacked, SECOND)
    assert [] == result.get_asset_materialization_events()
    assert_quarantined(attacked, output, why)
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert output in {check.asset_key.to_user_string() for check in failed}
    assert all(check.metadata for check in failed)


def assert_quarantined(house: Warehouse, output: str, why: str) -> None:
    folder = house.lake.store.root / "quarantine" / output / str(SECOND.day) / str(SECOND.instrument)
    report = max(folder.glob("*.report.json"), key=lambda path: int(path.name.split(".")[0]))
    assert report.with_name(report.name.removesuffix(".report.json")).is_file()
    assert json.loads(report.read_text())["reason"] in why


DOWNSTREAM = {
    "captures": ["raw_books", "book_features", "labels"],
    "raw_l2_snapshots": ["book_features", "labels"],
    "raw_trades": ["book_features"],
    "feed_gaps": ["book_features", "labels"],
    "book_features": ["labels", "forecasts"],
    "model": ["forecasts"],
}
WORST: dict[str, Change] = {
    "captures": CAPTURES["a line lost"][0],
    "model": MODEL["trained later"][0],
    **dict.fromkeys(TABLES, ANY_TABLE["an extra column"][0]),
}


def steps_with(bad: Any) -> list[Any]:
    return [bad if step.name == bad.name else step for step in STEPS]


@pytest.mark.parametrize("output", DOWNSTREAM)
def test_downstream_in_the_same_run_is_not_executed(tmp_path: Path, output: str) -> None:
    house = sound_house(tmp_path)
    before = versions_of(house, SECOND)
    names = [output, *(name for step in DOWNSTREAM[output] for name in named(step))]
    bad = spoiled(output, WORST[output])
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(steps_with(bad), SECOND, house, instance, only=sorted({*bad.outputs, *names}))

    assert not result.success
    assert {bad.name} == {event.step_key for event in result.all_events if event.is_step_start}
    assert before == versions_of(house, SECOND)


def named(step: str) -> list[str]:
    return next(list(one.outputs) for one in STEPS if one.name == step)


@pytest.mark.parametrize("output", DOWNSTREAM)
def test_downstream_alone_and_later_reads_the_version_before(tmp_path: Path, output: str) -> None:
    house = sound_house(tmp_path)
    before = versions_of(house, SECOND)
    with dg.DagsterInstance.ephemeral() as instance:
        materialize([spoiled(output, WORST[output])], SECOND, house, instance)
        result = materialize([step_of(named(DOWNSTREAM[output][0])[0])], SECOND, house, instance)

    assert result.success
    assert before == versions_of(house, SECOND)


@pytest.mark.parametrize("output", ["book_features", "labels"])
def test_the_window_of_the_model_reads_no_bad_day(tmp_path: Path, output: str) -> None:
    house = sound_house(tmp_path)
    before = versions_of(house, SECOND)["model"]
    with dg.DagsterInstance.ephemeral() as instance:
        refused = materialize([spoiled(output, WORST[output])], FIRST, house, instance)
        trained = materialize([step_of("model")], SECOND, house, instance)

    assert (False, True) == (refused.success, trained.success)
    assert before == versions_of(house, SECOND)["model"]


def test_a_first_version_that_is_bad_leaves_downstream_with_nothing(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    other = Partition(FIRST.day + timedelta(days=2), FIRST.instrument)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize([step_of("labels")], other, house, instance)

    assert "has no recorded day" in why_failed(result) or "is not published" in why_failed(result)
    assert {} == versions_of(house, other)
