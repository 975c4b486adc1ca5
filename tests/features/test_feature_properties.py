import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from feature_inputs import (
    SMALL,
    START_NS,
    features,
    known_at,
    ledger,
    quotes,
    random_book,
    random_ledger,
    random_tape,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.features.dictionary import described, dictionary
from trading_assets.features.matrix import feature_frame, feature_names, feature_schema
from trading_assets.features.quality import feature_quality
from trading_assets.features.registry import REGISTRY, Feature
from trading_assets.schema import AGGRESSOR_SIDE, SZ, TS_GRID, TS_RECV, Side, level
from trading_assets.sections import FeatureSettings

PROJECT = Path(__file__).resolve().parents[2]
FAMILIES = PROJECT / "trading_assets" / "features"
SEEDS = st.integers(0, 10**6)
ROWS = st.integers(1, 200)
HIGH = 1e6
CENTRE = HIGH + 500
EXAMPLES = settings(deadline=None, max_examples=25)
FEATURE = pytest.mark.parametrize("feature", REGISTRY, ids=lambda feature: feature.build.__name__)


def day(seed: int, rows: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    return random_book(seed, rows), random_tape(seed, rows), random_ledger(seed, seed % 4)


def mirrored(book: pl.DataFrame) -> pl.DataFrame:
    """Bids become asks at the price as far on the other side of CENTRE."""
    swap: dict[Side, Side] = {"bid": "ask", "ask": "bid"}
    rungs = [(to, of, n) for to, of in swap.items() for n in range(3)]
    prices = [(2 * CENTRE - pl.col(level(of, "px", n))).alias(level(to, "px", n)) for to, of, n in rungs]
    return book.with_columns(*prices, *(pl.col(level(of, "sz", n)).alias(level(to, "sz", n)) for to, of, n in rungs))


def swapped(trades: pl.DataFrame) -> pl.DataFrame:
    side = pl.col(AGGRESSOR_SIDE).cast(pl.String).replace_strict({"buy": "sell", "sell": "buy"})
    return trades.with_columns(side.cast(trades.schema[AGGRESSOR_SIDE]))


@EXAMPLES
@given(seed=SEEDS, rows=ROWS)
def test_every_value_is_a_number_within_the_bounds_of_its_feature(seed: int, rows: int) -> None:
    frame = features(*day(seed, rows))

    for feature in REGISTRY:
        numbers = frame.select(feature.names(SMALL)).unpivot()["value"].drop_nulls().cast(pl.Float64)
        assert numbers.is_finite().all(), feature.build
        assert feature.low is None or (numbers >= feature.low).all(), feature.build
        assert feature.high is None or (numbers <= feature.high).all(), feature.build


@EXAMPLES
@given(seed=SEEDS, rows=ROWS, cut_s=st.floats(0, 45))
def test_cutting_the_future_off_changes_no_bit_of_the_past(seed: int, rows: int, cut_s: float) -> None:
    book, trades, gaps = day(seed, rows)
    cut_ns = START_NS + int(cut_s * 1e9)
    past = [frame.collect() for frame in known_at(book.lazy(), trades.lazy(), gaps.lazy(), cut_ns)]
    is_real = pl.col(TS_RECV).cast(pl.Int64) <= cut_ns

    cut = features(past[0].filter(is_real), past[1], past[2])
    assert_frame_equal(features(book, trades, gaps).head(cut.height), cut, check_exact=True)


@EXAMPLES
@given(seed=SEEDS, rows=ROWS)
def test_features_mirror_when_bid_and_ask_change_places(seed: int, rows: int) -> None:
    book, trades, gaps = day(seed, rows)
    high = book.with_columns(pl.col("^.*_px_.*$") + HIGH)
    frame, other = features(high, trades, gaps), features(mirrored(high), swapped(trades), gaps)

    for name in feature_names(SMALL):
        expected = frame.select(mirror_image(name).alias(name))
        assert_frame_equal(expected, other.select(name), rel_tol=1e-3, abs_tol=1e-9)


def mirror_image(name: str) -> pl.Expr:
    """What a feature becomes; prices are so far from 0 that a mirrored price is, relatively, the same price."""
    if name.startswith(("ofi", "mlofi", "imbalance", "trade_imbalance", "ret")):
        return -pl.col(name)
    if name.endswith("mid_px"):
        return 2 * CENTRE - pl.col(name)
    swap = {"bid_depth": "ask_depth", "ask_depth": "bid_depth"}
    return pl.col(name.replace(name[:9], swap.get(name[:9], name[:9])))


@EXAMPLES
@given(seed=SEEDS, rows=ROWS, late_from=st.floats(0, 1), late_s=st.floats(0, 30))
def test_arriving_later_changes_no_row_before_the_original_arrival(
    seed: int, rows: int, late_from: float, late_s: float
) -> None:
    book, trades, gaps = day(seed, rows)
    late = int(late_from * (rows - 1))
    delayed = pl.when(pl.int_range(pl.len()) == late).then(pl.col(TS_RECV) + pl.duration(nanoseconds=int(late_s * 1e9)))
    later = delayed.otherwise(pl.col(TS_RECV)).cum_max()
    book_later, trades_later = book.with_columns(later), trades.with_columns(delayed.otherwise(pl.col(TS_RECV)))
    before = pl.col(TS_GRID) < min(book[TS_RECV][late], trades[TS_RECV][late])

    frame = features(book, trades, gaps).filter(before)
    assert_frame_equal(frame, features(book_later, trades_later, gaps).filter(before), check_exact=True)


def test_a_hundred_thousand_rows_give_the_same_bits_however_cut_and_chunked() -> None:
    book, trades, gaps = random_book(7, 100_000, seconds=4000), random_tape(7, 50_000, seconds=4000), ledger()
    whole = features(book, trades, gaps)
    chunked = pl.concat([book[start : start + 777] for start in range(0, book.height, 777)], rechunk=False)

    assert chunked.n_chunks() > 100
    assert_frame_equal(whole, features(chunked, trades, gaps), check_exact=True)
    for kept in (1, 13_579, 50_000, 99_999):
        cut = features(book.head(kept), trades.filter(pl.col(TS_RECV) <= book[TS_RECV][kept - 1]), gaps)
        assert_frame_equal(whole.head(cut.height), cut, check_exact=True)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_the_engine_does_not_change_a_bit(engine: Literal["in-memory", "streaming"]) -> None:
    book, trades, gaps = day(5, 20_000)
    lazy = feature_frame(book.lazy(), trades.lazy(), gaps.lazy(), SMALL)

    assert_frame_equal(features(book, trades, gaps), lazy.collect(engine=engine), check_exact=True)


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    code = (
        "from feature_inputs import *; f = features(random_book(7, 50_000), random_tape(7, 9_000), random_ledger(7, 2))"
    )
    show = "import sys; f.rechunk().write_parquet(sys.stdout.buffer)"
    path = os.pathsep.join([str(PROJECT), str(Path(__file__).parent)])
    tables = {
        subprocess.check_output(
            [sys.executable, "-c", f"{code}\n{show}"],
            env={**os.environ, "POLARS_MAX_THREADS": n_threads, "PYTHONPATH": path},
        )
        for n_threads in ("1", "5")
    }

    assert len(tables) == 1
    assert len(tables.pop()) > 10_000


@pytest.mark.parametrize("junk", [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e300, 5e-324])
def test_no_junk_in_prices_or_sizes_comes_out_as_nan_or_infinity(junk: float) -> None:
    book, trades, gaps = day(5, 150)
    is_hit = pl.int_range(pl.len()) % 7 == 0
    spoiled = book.with_columns(pl.when(is_hit).then(junk).otherwise(name).alias(name) for name in book.columns[5:])
    spoiled_trades = trades.with_columns(pl.when(is_hit).then(junk).otherwise(SZ).alias(SZ))

    quality = feature_quality(features(spoiled, spoiled_trades, gaps).lazy(), SMALL)
    assert quality["n_nan"] + quality["n_inf"] == 0


def test_the_columns_and_dtypes_are_those_declared() -> None:
    assert pl.Schema(feature_schema(SMALL)) == features(quotes(1, 2)).schema


def test_a_feature_hangs_on_no_other_settings_than_its_own_names_tell() -> None:
    deep = FeatureSettings(grid_s=1.0, levels=6, windows_s=(1.0, 2.0, 5.0, 7.0))
    book, trades, gaps = day(11, 150)
    shared = [name for name in feature_names(SMALL) if name in feature_names(deep)]

    assert_frame_equal(
        features(book, trades, gaps).select(shared), features(book, trades, gaps, deep).select(shared), check_exact=True
    )


def test_no_feature_module_looks_ahead() -> None:
    ahead = re.compile(r"shift\(\s*-|strategy=.(forward|nearest)|reverse=True|center=True")
    sources = {path.name: path.read_text() for path in FAMILIES.glob("*.py")}

    assert [name for name, source in sources.items() if ahead.search(source)] == []
    assert [name for name in feature_names(FeatureSettings()) if "fwd" in name] == []


@FEATURE
def test_every_feature_says_its_meaning_formula_unit_and_source(feature: Feature) -> None:
    assert {"Meaning", "Formula", "Unit", "Source"} == described(feature).keys()


def test_the_feature_dictionary_is_current() -> None:
    assert dictionary() == (PROJECT / "docs" / "features.md").read_text(), "renew docs/features.md: see dictionary.py"
