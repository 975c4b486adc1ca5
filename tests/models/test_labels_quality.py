import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trading_assets.models.labels import label_frame
from trading_assets.models.labels_quality import label_quality
from trading_assets.schema import FEED_GAPS, TIME, TS_GRID
from trading_assets.sections import LabelSettings

START = datetime(2024, 8, 8, tzinfo=UTC)
SETTINGS = LabelSettings(horizons_s=(1.0, 3.0), flat_bps=0.1)
MIDS = pl.DataFrame(
    {TS_GRID: [START + timedelta(seconds=n) for n in range(8)], "mid_px": [100, 101, 102, 101, None, 100, 101, 101]},
    schema={TS_GRID: TIME, "mid_px": pl.Float64},
)
GAP = {"ts_start": START + timedelta(seconds=1.5), "ts_known": START + timedelta(seconds=1.75), "cause": "resync"}
GAPS = pl.DataFrame([{**GAP, "ts_end": START + timedelta(seconds=1.8)}], schema=FEED_GAPS)
FLAWS = (
    "n_wrong_columns",
    "n_wrong_rows",
    "n_nan",
    "n_inf",
    "n_tail_not_null",
    "n_across_gap",
    "n_wrong_class",
    "n_mismatch",
)
RET, CLASS = "ret_fwd_1s_bps", "class_fwd_1s"


def sound() -> pl.DataFrame:
    return label_frame(MIDS.lazy(), GAPS.lazy(), SETTINGS, grid_s=1.0).collect()


def flaws(frame: pl.DataFrame) -> dict[str, float]:
    quality = label_quality(frame, MIDS, GAPS, SETTINGS)
    return {name: quality[name] for name in FLAWS if quality[name]}


def put(row: int, value: float | None, name: str = RET) -> pl.DataFrame:
    """The sound table with one other value."""
    return sound().with_columns(pl.when(pl.int_range(pl.len()) == row).then(value).otherwise(name).alias(name))


def test_sound_labels_have_no_flaw() -> None:
    quality = label_quality(sound(), MIDS, GAPS, SETTINGS)

    assert flaws(sound()) == {}
    assert quality["n_rows"] == 8
    assert quality["null_share_worst"] == 6 / 8


@pytest.mark.parametrize(
    ("row", "value", "expected"),
    [
        (0, math.nan, {"n_nan": 1, "n_wrong_class": 1, "n_mismatch": 1}),
        (0, math.inf, {"n_inf": 1, "n_mismatch": 1}),
        (0, 100.001, {"n_mismatch": 1}),
        (0, None, {"n_wrong_class": 1, "n_mismatch": 1}),
        (1, 5.0, {"n_across_gap": 1, "n_wrong_class": 1, "n_mismatch": 1}),
        (7, 5.0, {"n_tail_not_null": 1, "n_wrong_class": 1, "n_mismatch": 1}),
        (3, 5.0, {"n_wrong_class": 1, "n_mismatch": 1}),
    ],
    ids=["NaN", "infinite", "another value", "null", "across a gap", "in the tail", "without a mid"],
)
def test_one_wrong_return_is_measured(row: int, value: float | None, expected: dict[str, float]) -> None:
    assert expected == flaws(put(row, value))


def test_one_wrong_class_is_measured() -> None:
    wrong = put(0, -1, CLASS).with_columns(pl.col(CLASS).cast(pl.Int8))

    assert flaws(wrong) == {"n_wrong_class": 1}


@pytest.mark.parametrize(
    "frame", [sound().drop(RET), sound().cast({CLASS: pl.Int64}), sound().head(5), sound().reverse()]
)
def test_wrong_columns_or_rows_count_as_broken_in_every_way(frame: pl.DataFrame) -> None:
    found = flaws(frame)

    assert {"n_wrong_columns", "n_wrong_rows"} & found.keys()
    assert frame.height == found["n_mismatch"]


def test_labels_made_from_mids_one_tick_off_do_not_match() -> None:
    moved = MIDS.with_columns(pl.col("mid_px").shift(-1))
    wrong = label_frame(moved.lazy(), GAPS.lazy(), SETTINGS, grid_s=1.0).collect()

    assert flaws(wrong)["n_mismatch"] > 0


def test_no_rows_at_all_are_measured_and_no_error() -> None:
    quality = label_quality(sound().head(0), MIDS.head(0), GAPS, SETTINGS)

    assert quality["n_rows"] == 0
    assert quality["null_share_worst"] == 1.0
