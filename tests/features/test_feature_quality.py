import math

import polars as pl
import pytest
from feature_inputs import SMALL, at, book, features, ledger, quotes, row, tape

from trading_assets.features.quality import feature_quality, null_shares
from trading_assets.schema import TS_GRID

FLAWS = ("n_missing_columns", "n_wrong_dtypes", "n_nan", "n_inf", "n_out_of_range", "n_grid_broken", "n_fwd_columns")


def sound() -> pl.DataFrame:
    trades = tape(*((second + 0.5, 1, "buy") for second in range(20)))
    return features(quotes(*range(100, 120)), trades)


def test_a_sound_table_has_no_flaw() -> None:
    quality = feature_quality(sound().lazy(), SMALL)

    assert quality["n_rows"] == 20
    assert quality["null_share_worst"] == 0.0
    assert dict.fromkeys(FLAWS, 0) == {name: quality[name] for name in FLAWS}


@pytest.mark.parametrize(
    ("flaw", "measure", "count"),
    [
        (pl.lit(math.nan).alias("mid_px"), "n_nan", 20),
        (pl.lit(math.inf).alias("ofi_1_1s"), "n_inf", 20),
        (pl.lit(1.5).alias("imbalance_1"), "n_out_of_range", 20),
        (-pl.col("spread_px"), "n_out_of_range", 20),
        (pl.lit(-1.0).alias("vol_rlz_5s_bps"), "n_out_of_range", 20),
        (pl.lit(-1, dtype=pl.Int64).alias("n_trades_1s"), "n_out_of_range", 20),
        (pl.col("n_trades_1s").cast(pl.Int32), "n_wrong_dtypes", 1),
        (pl.col(TS_GRID) + pl.duration(nanoseconds=1), "n_grid_broken", 20),
        (pl.col(TS_GRID).first(), "n_grid_broken", 19),
        (pl.col(TS_GRID).reverse(), "n_grid_broken", 19),
        (pl.col("ret_1s_bps").alias("ret_fwd_1s_bps"), "n_fwd_columns", 1),
    ],
)
def test_a_table_with_one_flaw_is_measured_to_have_that_one(flaw: pl.Expr, measure: str, count: int) -> None:
    quality = feature_quality(sound().with_columns(flaw).lazy(), SMALL)

    assert {measure: count} == {name: quality[name] for name in FLAWS if quality[name]}


def test_a_missing_column_is_counted_and_no_error() -> None:
    quality = feature_quality(sound().drop("mid_px").lazy(), SMALL)

    assert quality["n_missing_columns"] == 1
    assert quality["null_share_worst"] == 1.0


def test_a_table_without_ticks_or_without_rows_is_measured_and_no_error() -> None:
    assert feature_quality(sound().drop(TS_GRID).lazy(), SMALL)["n_grid_broken"] == 20
    assert feature_quality(sound().head(0).lazy(), SMALL)["null_share_worst"] == 1.0


def test_the_null_share_leaves_out_the_warm_up_after_the_start_and_after_a_silence() -> None:
    rows = [row(second, [(99, 1)], [(101, 1)]) for second in (*range(10), *range(200, 210))]
    frame = features(book(*rows)).filter((pl.col(TS_GRID) < at(10)) | (pl.col(TS_GRID) >= at(200)))

    assert null_shares(frame.lazy(), SMALL)["vol_rlz_5s_bps"] == 0.0
    assert null_shares(frame.lazy(), SMALL)["trade_imbalance_5s"] == 1.0


def test_the_null_share_counts_gaps() -> None:
    frame = features(quotes(*[100] * 15), gaps=ledger((9.5, 10, 10.5, "sequence_gap")))

    assert null_shares(frame.lazy(), SMALL)["mid_px"] == 0.1
    assert null_shares(frame.lazy(), SMALL)["ofi_1_1s"] == 0.2


def test_a_day_without_trades_is_not_one_of_missing_data() -> None:
    frame = features(quotes(*[100] * 15))

    assert null_shares(frame.lazy(), SMALL)["trade_imbalance_5s"] == 1.0
    assert feature_quality(frame.lazy(), SMALL)["null_share_worst"] == 0.0
