from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from feature_inputs import SMALL, START_NS, book, features, known_at, random_book, random_ledger, random_tape, row
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.features import flow, runs
from trading_assets.features.arrivals import Arrivals
from trading_assets.features.lookahead import cut_ticks, lookahead_rows, rows_of_their_past
from trading_assets.features.matrix import feature_frame
from trading_assets.features.ticks import count_ticks
from trading_assets.features.trades import per_tick
from trading_assets.raw import blocks
from trading_assets.raw.messages import Floats, Int64s
from trading_assets.schema import TS_GRID, TS_RECV

SEEDS, ROWS, SIZES = st.integers(0, 10**6), st.integers(0, 120), st.integers(1, 130)
EXAMPLES = settings(deadline=None, max_examples=20)
GRID_NS = 10**9


@contextmanager
def blocks_of(n_rows: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ROWS", n_rows)
        patch.setattr(blocks, "_MOST_BLOCKS", 1)
        yield


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().reinterpret(signed=False))


@given(seed=SEEDS, rows=ROWS, size=SIZES, seconds=st.sampled_from([1, 4, 40]))
@EXAMPLES
def test_features_are_the_same_bits_in_blocks_of_any_size(seed: int, rows: int, size: int, seconds: int) -> None:
    inputs = random_book(seed, rows, seconds=seconds), random_tape(seed, rows, seconds=seconds), random_ledger(seed, 2)
    whole = features(*inputs)

    with blocks_of(size):
        assert_frame_equal(bits(whole), bits(features(*inputs)))


@given(seed=SEEDS, rows=ROWS, run=st.integers(1, 60))
@EXAMPLES
def test_features_are_the_same_bits_in_runs_of_any_number_of_ticks(seed: int, rows: int, run: int) -> None:
    inputs = random_book(seed, rows), random_tape(seed, rows), random_ledger(seed, 2)
    whole = features(*inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "RUN_TICKS", run)
        assert_frame_equal(bits(whole), bits(features(*inputs)))
        lazy = (frame.lazy() for frame in inputs)
        assert 0 == lookahead_rows(whole.lazy(), *lazy, SMALL, cuts=3)


@given(seed=SEEDS, rows=ROWS, size=SIZES)
@EXAMPLES
def test_ticks_are_counted_by_the_receive_times_of_the_book_alone(seed: int, rows: int, size: int) -> None:
    book = random_book(seed, rows)

    with blocks_of(size):
        assert features(book).height == count_ticks(book.lazy(), grid_ns=GRID_NS)


@given(
    seed=SEEDS,
    rows=ROWS,
    size=SIZES,
    run=st.integers(1, 60),
    cuts=st.lists(st.integers(-2, 45), max_size=4, unique=True).map(sorted),
)
@EXAMPLES
def test_rows_of_their_past_are_those_of_inputs_cut_at_the_next_cut(
    seed: int, rows: int, size: int, run: int, cuts: list[int]
) -> None:
    inputs = random_book(seed, rows).lazy(), random_tape(seed, rows).lazy(), random_ledger(seed, 2).lazy()
    before_ns = 0
    wanted = []
    for cut_ns in (START_NS + second * GRID_NS for second in cuts):
        at_cut = book(row((cut_ns - START_NS) / GRID_NS, [], [], is_valid=False))
        going_on = at_cut.with_columns(pl.col(TS_RECV) + pl.duration(nanoseconds=1))
        seen, traded, gaps = known_at(*inputs, cut_ns)
        of_cut = features(pl.concat([seen.collect(), going_on]), traded.collect(), gaps.collect())
        wanted.append(of_cut.filter(pl.col(TS_GRID).cast(pl.Int64).is_between(before_ns, cut_ns, closed="right")))
        before_ns = cut_ns

    with blocks_of(size), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "RUN_TICKS", run)
        found = list(rows_of_their_past([START_NS + second * GRID_NS for second in cuts], *inputs, SMALL))

    nothing = features(random_book(0, 0))
    assert_frame_equal(bits(pl.concat([nothing, *wanted])), bits(pl.concat([nothing, *found])))


@given(seed=SEEDS, rows=ROWS, size=SIZES, until_s=st.integers(0, 45))
@EXAMPLES
def test_a_tape_in_any_order_is_summed_in_the_order_of_its_rows(seed: int, rows: int, size: int, until_s: int) -> None:
    tape, until_ns = random_tape(seed, rows), START_NS + until_s * GRID_NS
    known = tape.filter(pl.col(TS_RECV).cast(pl.Int64) <= until_ns)
    whole = per_tick(known.lazy(), GRID_NS)

    with blocks_of(size):
        found = per_tick(tape.lazy(), GRID_NS, until_ns=until_ns)

    assert_frame_equal(bits(whole.sort("tick")), bits(found.sort("tick")))


def test_arrivals_that_were_taken_further_leave_the_first_as_they_were() -> None:
    book = random_book(4, 200)
    arrivals = Arrivals.of(book[:90].lazy(), levels=3, grid_ns=GRID_NS)
    before = arrivals.frame()

    further = arrivals.and_then(book[90:])
    assert_frame_equal(before, arrivals.frame())
    assert_frame_equal(Arrivals.of(book.lazy(), levels=3, grid_ns=GRID_NS).frame(), further.frame())


def test_a_walk_that_looks_one_row_ahead_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    book, tape, gaps = random_book(4, 400, hostile=False), random_tape(4, 300), random_ledger(4, 0)

    def peek(quotes: flow.Quotes, _before: Floats, tick: Int64s, sums: Floats) -> None:
        np.add.at(sums, tick[:-1], np.nan_to_num(quotes.bid_sz[1:]))

    monkeypatch.setattr(flow, "add_event_flow", peek)

    clairvoyant = features(book, tape, gaps)
    assert 0 < lookahead_rows(clairvoyant.lazy(), book.lazy(), tape.lazy(), gaps.lazy(), SMALL, cuts=3)


def test_a_written_day_is_audited_as_one_in_memory(tmp_path: Path) -> None:
    book, tape, gaps = random_book(5, 5_000, seconds=300), random_tape(5, 4_000, seconds=300), random_ledger(5, 2)
    for name, table in (("book", book), ("tape", tape), ("gaps", gaps)):
        table.write_parquet(tmp_path / f"{name}.parquet", row_group_size=512)
    inputs = [pl.scan_parquet(tmp_path / f"{name}.parquet") for name in ("book", "tape", "gaps")]

    with blocks_of(700):
        published = feature_frame(*inputs, SMALL).collect()
        peeked = published.with_columns(pl.col("mid_px").shift(-1))

        assert_frame_equal(features(book, tape, gaps), published, check_exact=True)
        assert 4 == len(cut_ticks(published.lazy(), 4))
        assert 0 == lookahead_rows(published.lazy(), *inputs, SMALL, cuts=4)
        assert 0 < lookahead_rows(peeked.lazy(), *inputs, SMALL, cuts=4)
