from datetime import date
from pathlib import Path

import polars as pl
from block_sizes import blocks_of, flawed_book, flawed_trades
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets import schema
from trading_assets.raw.blocks import BLOCK_ROWS, blocks
from trading_assets.raw.quality import book_offenders, book_quality, trades_offenders, trades_quality

DAY = date(2024, 8, 8)
EXAMPLES = settings(deadline=None, max_examples=40)
SEEDS, ROWS, SIZES = st.integers(0, 10**6), st.integers(0, 40), st.integers(1, 45)


@given(rows=ROWS, size=SIZES)
@EXAMPLES
def test_blocks_are_the_table_cut_into_equal_parts(rows: int, size: int) -> None:
    table = pl.DataFrame({"a": range(rows), "b": range(rows)}, schema={"a": pl.Int64, "b": pl.Int64})

    with blocks_of(size):
        parts = list(blocks(table.lazy(), ["b"]))

    assert [part.height for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert_frame_equal(table.select("b"), pl.concat([table.select("b").clear(), *parts]))


def test_of_few_columns_more_rows_are_read_at_a_time() -> None:
    table = pl.DataFrame({"a": range(5 * BLOCK_ROWS)}).with_columns(*(pl.lit(n).alias(str(n)) for n in range(15)))

    assert [part.height for part in blocks(table.lazy(), ["a"])] == [4 * BLOCK_ROWS, BLOCK_ROWS]
    assert [part.height for part in blocks(table.lazy(), table.columns)] == [2 * BLOCK_ROWS, 2 * BLOCK_ROWS, BLOCK_ROWS]
    assert {part.height for part in blocks(table.lazy())} == {BLOCK_ROWS}


def test_a_scanned_file_is_walked_across_the_borders_of_its_row_groups(tmp_path: Path) -> None:
    book = flawed_book(3, 1_000)
    book.write_parquet(tmp_path / "book.parquet", row_group_size=128)

    with blocks_of(96):
        parts = list(blocks(pl.scan_parquet(tmp_path / "book.parquet")))

    assert_frame_equal(book, pl.concat(parts))


@given(seed=SEEDS, rows=ROWS, size=SIZES, has_ids=st.booleans())
@EXAMPLES
def test_a_book_is_measured_the_same_in_blocks_of_any_size(seed: int, rows: int, size: int, *, has_ids: bool) -> None:
    book, said = flawed_book(seed, rows).lazy(), flawed_book(seed, rows).lazy()
    whole = book_quality(book, said, day=DAY, depth=2, has_ids=has_ids)
    shown = book_offenders(book, day=DAY, depth=2, has_ids=has_ids)

    with blocks_of(size):
        assert whole == book_quality(book, said, day=DAY, depth=2, has_ids=has_ids)
        assert_frame_equal(shown, book_offenders(book, day=DAY, depth=2, has_ids=has_ids))


@given(seed=SEEDS, rows=ROWS, size=SIZES)
@EXAMPLES
def test_trades_are_measured_the_same_in_blocks_of_any_size(seed: int, rows: int, size: int) -> None:
    trades = flawed_trades(seed, rows).lazy()
    whole, shown = trades_quality(trades, day=DAY), trades_offenders(trades, day=DAY)

    with blocks_of(size):
        assert whole == trades_quality(trades, day=DAY)
        assert_frame_equal(shown, trades_offenders(trades, day=DAY))


@given(seed=SEEDS, rows=ROWS, size=SIZES)
@EXAMPLES
def test_trades_of_which_two_have_one_id_never_pass(seed: int, rows: int, size: int) -> None:
    trades = flawed_trades(seed, rows)
    is_double = trades.select((pl.col(schema.TRADE_ID).is_duplicated() & pl.col(schema.TRADE_ID).is_not_null()).any())

    with blocks_of(size):
        found = trades_quality(trades.lazy(), day=DAY)

    assert not is_double.item() or found["n_duplicate_ids"] + found["n_unsorted"] + found["n_null"] > 0


def test_where_the_source_has_no_ids_their_absence_breaks_no_rule() -> None:
    book = flawed_book(1, 30).with_columns(pl.lit(None, dtype=pl.Int64).alias(n) for n in ("seq_first", "seq_last"))
    told = book.with_columns(pl.lit(value=True).alias(schema.IS_VALID)).lazy()

    assert 30 == book_quality(told, told.head(0), day=DAY, depth=2)["n_null_ids"]
    found = book_quality(told, told.head(0), day=DAY, depth=2, has_ids=False)
    assert (0, 0, 0) == (found["n_null_ids"], found["n_seq_broken"], found["n_repeated"])
    untold = told.with_columns(pl.lit(None, dtype=pl.Boolean).alias(schema.IS_VALID))
    assert 30 == book_quality(untold, told.head(0), day=DAY, depth=2, has_ids=False)["n_null_ids"]
