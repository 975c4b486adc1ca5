import gzip
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.features.lookahead import lookahead_rows
from trading_assets.features.matrix import feature_frame
from trading_assets.features.quality import feature_quality
from trading_assets.identifiers import Instrument
from trading_assets.models.labels import label_frame
from trading_assets.models.labels_quality import label_quality
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day
from trading_assets.schema import TS_RECV
from trading_assets.sections import FeatureSettings, LabelSettings

SETTINGS = FeatureSettings()
INSTRUMENT = Instrument("BTCUSDT", "BINANCE_USDM")


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> RawDay:
    capture = shared_data / "captures" / "binance_usdm" / "BTCUSDT" / "2024-08-08.jsonl.gz"
    messages = decode([gzip.decompress(capture.read_bytes())], instrument=INSTRUMENT)
    return rebuild_day(messages, None, day=date(2024, 8, 8), instrument=INSTRUMENT, depth=20)


def features(raw: RawDay, book: pl.DataFrame | None = None) -> pl.DataFrame:
    book = raw.snapshots if book is None else book
    return feature_frame(book.lazy(), raw.trades.lazy(), raw.gaps.lazy(), SETTINGS).collect()


def test_real_features_are_sound_and_equal_those_of_their_past(raw: RawDay) -> None:
    frame = features(raw)
    quality = feature_quality(frame.lazy(), SETTINGS)
    inputs = (raw.snapshots.lazy(), raw.trades.lazy(), raw.gaps.lazy())

    assert 340 < quality["n_rows"] < 350
    assert {name for name, count in quality.items() if count} == {"n_rows"}
    assert lookahead_rows(frame.lazy(), *inputs, SETTINGS, cuts=3) == 0


def test_real_order_flow_moves_with_the_mid_as_the_literature_says(raw: RawDay) -> None:
    moved_together = features(raw).select(pl.corr("ofi_1_10s", "ret_10s_bps")).item()

    assert moved_together > 0.6


def test_real_messages_that_arrive_late_change_nothing_before(raw: RawDay) -> None:
    half = raw.snapshots.height // 2
    is_late = pl.int_range(pl.len()) >= half
    late = pl.when(is_late).then(pl.col(TS_RECV) + pl.duration(nanoseconds=7 * 10**9)).otherwise(TS_RECV)
    before = pl.col("ts_grid") < raw.snapshots[TS_RECV][half]

    delayed = features(raw, raw.snapshots.with_columns(late.alias(TS_RECV)))
    assert_frame_equal(features(raw).filter(before), delayed.filter(before), check_exact=True)


def test_real_labels_are_sound(raw: RawDay) -> None:
    frame, settings = features(raw), LabelSettings()
    labels = label_frame(frame.lazy(), raw.gaps.lazy(), settings, grid_s=SETTINGS.grid_s).collect()
    quality = label_quality(labels, frame, raw.gaps, settings)

    assert {name for name, count in quality.items() if count} == {"n_rows", "null_share_worst"}
    assert labels["ret_fwd_30s_bps"].null_count() == 30
