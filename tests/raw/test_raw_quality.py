"""Each measure twice: a sound table, and one broken in exactly that way."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from wire_books import Best, Print, capture, snapshot, update

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.quality import (
    Measures,
    book_offenders,
    book_quality,
    dead_letters_offenders,
    gaps_offenders,
    gaps_quality,
    trades_offenders,
    trades_quality,
)
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

DAY = date(2024, 8, 8)
ROW = pl.int_range(pl.len())
Break = Callable[[pl.DataFrame], pl.DataFrame]


def sound() -> RawDay:
    start = snapshot(0, 10, bids=[(99, 1), (98, 2)], asks=[(101, 1), (102, 2)])
    updates = [update(n, 10 + n, bids=[(99, 1 + n)]) for n in range(1, 5)]
    prints = [Print(n, n) for n in range(4)]
    tickers = [Best(n, 10 + n, (99, 1 + n, 101, 1)) for n in range(1, 3)]
    lines = [start, *updates, *prints, *tickers, Best(9, 99)]
    return rebuild_day(capture(lines), None, day=DAY, instrument=Instrument("X", "BINANCE"), depth=3)


def put(column: str, value: object, *, row: int = 2) -> Break:
    return lambda frame: frame.with_columns(
        pl.when(row == ROW).then(pl.lit(value)).otherwise(pl.col(column)).cast(frame.schema[column]).alias(column)
    )


def shift(column: str, *, by: timedelta | int, row: int = 2) -> Break:
    return lambda frame: frame.with_columns(pl.when(row == ROW).then(pl.col(column) + by).otherwise(pl.col(column)))


def book_measures(frame: pl.DataFrame) -> Measures:
    return book_quality(frame.lazy(), sound().tickers.lazy(), day=DAY, depth=3)


def test_a_sound_book_breaks_no_rule() -> None:
    measures = book_measures(sound().snapshots)

    assert tuple(
        measures[name]
        for name in ("n_rows", "valid_share", "n_ticker", "n_ticker_compared", "n_ticker_disagree", "ticker_agreement")
    ) == (5, 1.0, 3, 2, 0, 1.0)
    assert {0} == {n for name, n in measures.items() if name.startswith("n_") and n not in (5, 3, 2)}


@pytest.mark.parametrize(
    ("measure", "break_it"),
    [
        ("n_crossed", put("bid_px_00", 101.0)),
        ("n_crossed", lambda frame: put("bid_sz_00", None)(put("bid_px_00", None)(frame))),
        ("n_unsorted", put("ask_px_01", 101.0)),
        ("n_unsorted", put("bid_px_01", 99.5)),
        ("n_holes", put("ask_sz_01", None)),
        ("n_holes", lambda frame: put("bid_sz_02", 1.0)(put("bid_px_02", 1.0)(put("bid_px_01", None)(frame)))),
        ("n_nonpositive", put("bid_sz_01", 0.0)),
        ("n_nonpositive", put("bid_px_01", -1.0)),
        ("n_nan", put("ask_sz_00", float("nan"))),
        ("n_nan", put("bid_px_01", float("nan"))),
        ("n_inf", put("ask_px_01", float("inf"))),
        ("n_null_time", put(schema.TS_RECV, None)),
        ("n_null_ids", put(schema.SEQ_LAST, None)),
        ("n_null_ids", put(schema.IS_VALID, None)),
        ("n_time_backward", shift(schema.TS_RECV, by=-timedelta(seconds=2))),
        ("n_seq_broken", shift(schema.SEQ_LAST, by=-9)),
        ("n_outside_day", shift(schema.TS_RECV, by=timedelta(days=1), row=4)),
        ("n_ticker_disagree", put("bid_sz_00", 77.0)),
    ],
)
def test_a_book_broken_in_one_way_shows_in_its_measure(measure: str, break_it: Break) -> None:
    assert book_measures(break_it(sound().snapshots))[measure] >= 1


def test_rows_that_claim_nothing_may_be_crossed() -> None:
    broken = put("bid_px_00", 101.0)(put(schema.IS_VALID, value=False)(sound().snapshots))

    assert book_measures(broken)["n_crossed"] == 0
    assert book_measures(broken)["valid_share"] == 0.8


def test_an_empty_book_has_no_valid_share_and_nothing_to_disagree() -> None:
    measures = book_measures(sound().snapshots.clear())

    assert tuple(measures[name] for name in ("n_rows", "valid_share", "n_ticker_compared", "ticker_agreement")) == (
        0,
        0.0,
        0,
        1.0,
    )


def test_offenders_are_named_with_the_rules_they_break() -> None:
    broken = put("ask_sz_00", float("nan"))(sound().snapshots)
    offenders = book_offenders(broken.lazy(), day=DAY, depth=3)

    assert offenders.select(schema.SEQ_LAST, "broken").rows() == [(12, ["n_nan"])]


def test_where_no_rule_is_broken_the_invalid_rows_are_shown() -> None:
    invalid = sound().snapshots.with_columns(pl.lit(value=False).alias(schema.IS_VALID))

    shown = book_offenders(invalid.lazy(), day=DAY, depth=3, limit=2)
    assert [["invalid"], ["invalid"]] == shown["broken"].to_list()
    assert 0 == len(book_offenders(sound().snapshots.lazy(), day=DAY, depth=3))


def test_dead_letters_are_shown_as_text() -> None:
    letters = [(7, 0, 3, "a word", b"\xff{" + b"x" * 200)]
    shown = dead_letters_offenders(pl.LazyFrame(letters, schema=dict(schema.DEAD_LETTERS), orient="row"))

    assert [(7, 0, 3, "a word", "\N{REPLACEMENT CHARACTER}{" + "x" * 78)] == shown.rows()


def test_the_longest_gaps_are_shown_and_one_without_an_end_first() -> None:
    ends = [datetime(2024, 8, 8, 0, 0, second, tzinfo=UTC) if second else None for second in (2, 0, 9)]
    known = datetime(2024, 8, 8, tzinfo=UTC)
    ledger = pl.LazyFrame({name: [None] * 3 for name in schema.FEED_GAPS}, schema=dict(schema.FEED_GAPS))
    gaps = ledger.with_columns(
        pl.lit(known).cast(schema.TIME).alias(schema.TS_KNOWN), pl.Series(schema.TS_END, ends, dtype=schema.TIME)
    )

    assert [None, ends[2]] == gaps_offenders(gaps, limit=2)[schema.TS_END].to_list()


def test_sound_trades_break_no_rule() -> None:
    measures = trades_quality(sound().trades.lazy(), day=DAY)

    assert measures.pop("n_rows") == 4
    assert {0} == set(measures.values())


@pytest.mark.parametrize(
    ("measure", "break_it"),
    [
        ("n_unsorted", lambda frame: frame.reverse()),
        ("n_unsorted", lambda frame: frame.with_columns(pl.Series(schema.TRADE_ID, [1, 3, None, 2]))),
        ("n_duplicate_ids", put(schema.TRADE_ID, 1)),
        ("n_nonpositive", put(schema.SZ, 0.0)),
        ("n_nan", put(schema.PX, float("nan"))),
        ("n_inf", put(schema.PX, float("inf"))),
        ("n_null", put(schema.PX, None)),
        ("n_outside_day", shift(schema.TS_RECV, by=timedelta(days=-1))),
    ],
)
def test_trades_broken_in_one_way_show_in_their_measure(measure: str, break_it: Break) -> None:
    broken = break_it(sound().trades).lazy()

    assert trades_quality(broken, day=DAY)[measure] >= 1
    assert measure in trades_offenders(broken, day=DAY)["broken"].explode().to_list()


def ledger() -> pl.DataFrame:
    lines = [snapshot(0, 10), update(1, 12), update(2, 11), update(3, 14), update(4, 13)]
    return rebuild_day(capture(lines), None, day=DAY, instrument=Instrument("X", "BINANCE"), depth=1).gaps


def test_a_sound_ledger_breaks_no_rule() -> None:
    assert gaps_quality(ledger().lazy()) == {"n_rows": 2, "n_malformed": 0, "n_unsorted": 0}


@pytest.mark.parametrize(
    ("measure", "break_it"),
    [
        ("n_malformed", put(schema.TS_START, None, row=0)),
        ("n_malformed", put(schema.CAUSE, None, row=0)),
        ("n_malformed", shift(schema.TS_END, by=-timedelta(hours=1), row=0)),
        ("n_malformed", shift(schema.TS_START, by=timedelta(seconds=1.5), row=0)),
        ("n_unsorted", lambda frame: frame.reverse()),
    ],
)
def test_a_ledger_broken_in_one_way_shows_in_its_measure(measure: str, break_it: Break) -> None:
    assert gaps_quality(break_it(ledger()).lazy())[measure] == 1


@pytest.mark.parametrize(
    ("measure", "column"), [("n_without_id", schema.TRADE_ID), ("n_without_side", schema.AGGRESSOR_SIDE)]
)
def test_what_a_source_may_not_know_of_a_trade_is_counted(measure: str, column: str) -> None:
    broken = put(column, None)(sound().trades)

    assert trades_quality(broken.lazy(), day=DAY)[measure] == 1
    assert trades_offenders(broken.lazy(), day=DAY).is_empty()
