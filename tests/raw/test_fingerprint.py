from collections.abc import Callable
from itertools import pairwise

import polars as pl
import pytest
from block_sizes import flawed_book
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets import schema
from trading_assets.raw import coverage, fingerprint
from trading_assets.raw.coverage import rows_altered
from trading_assets.raw.fingerprint import Fingerprint

BOOK = flawed_book(7, 100).with_columns(pl.int_range(pl.len()).alias(schema.SEQ_LAST))
PX = "bid_px_00"
Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture(autouse=True)
def groups_of_ten_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "ROW_GROUP_ROWS", 10)
    monkeypatch.setattr(coverage, "ROW_GROUP_ROWS", 10)


def put(value: float | None, *, row: int = 42) -> Change:
    return lambda frame: frame.with_columns(pl.when(pl.int_range(pl.len()) == row).then(value).otherwise(PX).alias(PX))


@given(cuts=st.lists(st.integers(0, 100), max_size=12).map(sorted))
@settings(deadline=None)
def test_a_fingerprint_does_not_depend_on_how_the_rows_were_cut(cuts: list[int]) -> None:
    made = Fingerprint()
    for start, end in pairwise([0, *cuts, 100]):
        made.add(BOOK[start:end])

    assert Fingerprint.of(BOOK).digests() == made.digests()
    assert (100, 10, 0) == (made.n_rows, len(made.digests()), rows_altered(BOOK.lazy(), made))


@pytest.mark.parametrize(
    ("change", "n_altered"),
    [
        (put(123.0), 10),
        (lambda frame: frame[[*range(40), 41, 40, *range(42, 100)]], 10),
        (lambda frame: frame[[*range(40), 50, *range(41, 50), 40, *range(51, 100)]], 20),
        (lambda frame: frame.head(95), 10),
        (lambda frame: frame.head(90), 10),
        (lambda frame: frame.slice(1), 100),
        (lambda frame: pl.concat([frame, frame.head(3)]), 3),
        (lambda frame: frame.cast({schema.SEQ_LAST: pl.Int32}), 100),
        (lambda frame: frame.select(reversed(frame.columns)), 100),
        (lambda frame: frame.rename({PX: "x"}), 100),
        (lambda frame: frame.clear(), 100),
    ],
    ids=[
        "value",
        "swap",
        "far_swap",
        "part_missing",
        "block_missing",
        "first_missing",
        "added",
        "dtype",
        "order",
        "name",
        "all",
    ],
)
def test_any_alteration_is_noticed_in_the_rows_it_is_among(change: Change, n_altered: int) -> None:
    assert n_altered == rows_altered(change(BOOK).lazy(), Fingerprint.of(BOOK))


@pytest.mark.parametrize(("made", "read"), [(None, float("nan")), (float("nan"), None), (None, 0.0), (0.0, 5e-324)])
def test_null_nan_zero_and_almost_zero_are_four_things(made: float | None, read: float | None) -> None:
    assert 0 < rows_altered(put(read)(BOOK).lazy(), Fingerprint.of(put(made)(BOOK)))


def test_values_that_change_places_within_a_row_are_noticed() -> None:
    swapped = BOOK.with_columns(pl.col("bid_px_01").alias("ask_px_01"), pl.col("ask_px_01").alias("bid_px_01"))

    assert 100 == rows_altered(swapped.lazy(), Fingerprint.of(BOOK))


def test_an_empty_table_is_its_columns() -> None:
    made = Fingerprint.of(BOOK.clear())

    assert (0, []) == (made.n_rows, made.digests())
    assert (0, 1) == (rows_altered(BOOK.clear().lazy(), made), rows_altered(BOOK.clear().drop(PX).lazy(), made))
    assert 100 == rows_altered(BOOK.lazy(), made)


def test_texts_bytes_and_enums_have_fingerprints_too() -> None:
    letters = pl.DataFrame(
        [(1, 2, 3, "a word", b"\xff"), (1, 2, 3, "", None)], schema=schema.DEAD_LETTERS, orient="row"
    )
    sides = pl.DataFrame({"side": ["buy", "sell", None]}, schema={"side": schema.AGGRESSOR})

    for table in (letters, sides):
        assert 0 == rows_altered(table.lazy(), Fingerprint.of(table))
        assert 0 < rows_altered(table.reverse().lazy(), Fingerprint.of(table))


def test_frames_of_other_columns_are_no_part_of_a_table() -> None:
    made = Fingerprint.of(BOOK)

    with pytest.raises(ValueError, match="is not of a table of"):
        made.add(BOOK.drop(PX))
