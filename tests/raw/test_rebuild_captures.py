"""Real recordings: the rebuilt book against the venue's own word, whole and with messages lost on purpose."""

import gzip
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from wire_books import joined

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import BookMessages, Messages
from trading_assets.raw.quality import book_quality, gaps_quality, trades_quality
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

SPOT, USDM = Instrument("BTCUSDT", "BINANCE"), Instrument("BTCUSDT", "BINANCE_USDM")
EIGHTH, NINTH = date(2024, 8, 8), date(2024, 8, 9)
TIMES = ("n_crossed", "n_unsorted", "n_holes", "n_nonpositive", "n_nan", "n_inf", "n_seq_broken", "n_time_backward")


@cache
def decoded(folder: Path, instrument: Instrument, day: date) -> Messages:
    path = folder / "captures" / instrument.venue.lower() / instrument.symbol / f"{day}.jsonl.gz"
    if not path.is_file():
        # other people's recordings are not ours to ship, and a folder of them may lack this market
        pytest.skip(f"no real capture at {path}")
    return decode([gzip.decompress(path.read_bytes())], instrument=instrument)


def rebuilt(folder: Path, instrument: Instrument, day: date) -> RawDay:
    yesterday = decoded(folder, instrument, EIGHTH) if day == NINTH else None
    return rebuild_day(decoded(folder, instrument, day), yesterday, day=day, instrument=instrument, depth=20)


@pytest.mark.parametrize(("instrument", "day"), [(USDM, EIGHTH), (SPOT, EIGHTH), (SPOT, NINTH)], ids=str)
def test_the_book_agrees_with_the_venues_ticker_at_every_equal_id(
    shared_data: Path, instrument: Instrument, day: date
) -> None:
    raw = rebuilt(shared_data, instrument, day)
    measures = book_quality(raw.snapshots.lazy(), raw.tickers.lazy(), day=day, depth=20)
    print(instrument, day, measures, raw.counts, raw.findings.clock_skew)  # noqa: T201 - what was and was not comparable

    assert 500 < measures["n_ticker_compared"] < measures["n_ticker"]
    assert 0 == measures["n_ticker_disagree"] == sum(measures[name] for name in TIMES)
    assert measures["valid_share"] > 0.999
    assert raw.counts.n_lines == raw.counts.n_accounted


@pytest.mark.parametrize(("instrument", "day"), [(USDM, EIGHTH), (SPOT, EIGHTH), (SPOT, NINTH)], ids=str)
def test_nothing_is_missing_once_there_was_a_snapshot(shared_data: Path, instrument: Instrument, day: date) -> None:
    raw = rebuilt(shared_data, instrument, day)

    assert raw.gaps.filter(pl.col(schema.CAUSE) != "no_snapshot").rows() == []
    assert sum(v for k, v in trades_quality(raw.trades.lazy(), day=day).items() if k != "n_rows") == 0
    assert gaps_quality(raw.gaps.lazy())["n_malformed"] == 0
    assert -1.28e9 < raw.findings.clock_skew["skew_median_ns"] < -1.26e9


def test_the_ninth_equals_one_rebuild_over_both_days_on_every_level(shared_data: Path) -> None:
    both = joined(decoded(shared_data, SPOT, EIGHTH), decoded(shared_data, SPOT, NINTH))
    whole = rebuild_day(both, None, day=EIGHTH, instrument=SPOT, depth=20).snapshots
    midnight = pl.datetime(2024, 8, 9, time_unit="ns", time_zone="UTC")

    assert_frame_equal(whole.filter(pl.col(schema.TS_RECV) >= midnight), rebuilt(shared_data, SPOT, NINTH).snapshots)


def test_the_ninth_alone_has_no_valid_row(shared_data: Path) -> None:
    alone = rebuild_day(decoded(shared_data, SPOT, NINTH), None, day=NINTH, instrument=SPOT, depth=20)

    assert book_quality(alone.snapshots.lazy(), alone.tickers.lazy(), day=NINTH, depth=20)["valid_share"] == 0.0
    assert alone.gaps[schema.CAUSE].to_list() == ["no_snapshot"]


@pytest.mark.parametrize("instrument", [USDM, SPOT], ids=str)
@pytest.mark.parametrize("lost", [100, 1500, 3000])
def test_one_lost_update_is_found_and_nothing_after_it_is_claimed(
    shared_data: Path, instrument: Instrument, lost: int
) -> None:
    messages = decoded(shared_data, instrument, EIGHTH)
    raw = rebuild_day(_without(messages, lost), None, day=EIGHTH, instrument=instrument, depth=20)

    gap = raw.gaps.filter(pl.col(schema.CAUSE) == "sequence_gap")
    valid = raw.snapshots.filter(schema.IS_VALID)
    assert [(messages.book.seq_last[lost - 1], messages.book.seq_first[lost + 1])] == gap.select(
        schema.SEQ_BEFORE, schema.SEQ_AFTER
    ).rows()
    assert valid[schema.SEQ_LAST].max() == messages.book.seq_last[lost - 1]


@pytest.mark.parametrize("instrument", [USDM, SPOT], ids=str)
def test_repeated_and_swapped_updates_change_no_valid_row_but_its_time(
    shared_data: Path, instrument: Instrument
) -> None:
    messages = decoded(shared_data, instrument, EIGHTH)
    order = np.arange(len(messages.book.line_no))
    twice = _taken(messages.book, np.sort(np.append(order, [50, 60])))
    repeated = replace(twice, line_no=np.arange(len(twice.line_no)))
    order[[200, 201, 900, 901]] = order[[201, 200, 901, 900]]
    swapped = replace(_taken(messages.book, order), ts_recv=messages.book.ts_recv)

    sound = _valid(messages, messages.book, instrument)
    assert_frame_equal(sound, _valid(messages, repeated, instrument))
    assert_frame_equal(sound.drop(schema.TS_RECV), _valid(messages, swapped, instrument).drop(schema.TS_RECV))


def _valid(messages: Messages, book: BookMessages, instrument: Instrument) -> pl.DataFrame:
    n_lines = messages.n_lines + len(book.line_no) - len(messages.book.line_no)
    raw = rebuild_day(replace(messages, book=book, n_lines=n_lines), None, day=EIGHTH, instrument=instrument, depth=20)
    assert raw.counts.n_lines == raw.counts.n_accounted
    return raw.snapshots.filter(schema.IS_VALID)


def _without(messages: Messages, lost: int) -> Messages:
    return replace(messages, book=_taken(messages.book, np.delete(np.arange(len(messages.book.line_no)), lost)))


def _taken(book: BookMessages, which: np.ndarray) -> BookMessages:
    spans = [np.arange(book.offsets[i], book.offsets[i + 1]) for i in which]
    levels = {"is_ask", "px", "sz"}
    columns = {
        name: getattr(book, name)[np.concatenate(spans) if name in levels else which]
        for name in book.__slots__
        if name != "offsets"
    }
    return BookMessages(**columns, offsets=np.cumsum([0, *map(len, spans)]))
