import numpy as np
import polars as pl
from block_sizes import blocks_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.raw.ticker import comparable_tickers, ticker_agreement

TOP = ("bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")

BOOK = pl.DataFrame({"seq_last": [10, 15, 20, 25], "is_valid": [True, False, True, True]})


def test_each_ticker_is_counted_once_with_the_reason_it_is_not_comparable() -> None:
    tickers = pl.DataFrame({"seq_last": [9, 10, 12, 15, 20, 25, 26]})

    found = comparable_tickers(BOOK, tickers)

    assert {"compared": 3, "inside_an_update": 2, "before_the_book": 1, "after_the_book": 1} == found


def test_without_a_valid_book_nothing_is_comparable() -> None:
    found = comparable_tickers(BOOK.filter(~pl.col("is_valid")), pl.DataFrame({"seq_last": [9, 15]}))

    assert {"compared": 0, "inside_an_update": 0, "before_the_book": 2, "after_the_book": 0} == found


IDS = st.lists(st.none() | st.integers(0, 12), max_size=25)
NUMBERS = (None, 1.0, 2.0, float("nan"))


def sides(ids: list[int | None], seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = {name: [NUMBERS[n] for n in rng.integers(0, 4, len(ids))] for name in TOP}
    columns = {"seq_last": ids, "is_valid": (rng.random(len(ids)) < 0.8).tolist(), **numbers}
    dtypes = {"seq_last": pl.Int64, "is_valid": pl.Boolean, **dict.fromkeys(TOP, pl.Float64)}
    return pl.DataFrame(columns, schema=dtypes)


def agrees(said: float | None, shown: float | None) -> bool:
    return said is None or said == shown or (said != said and shown is not None and shown != shown)  # noqa: PLR0124 - NaN


@given(book_ids=IDS, ticker_ids=IDS, size=st.integers(1, 30), seed=st.integers(0, 99))
@settings(deadline=None)
def test_tickers_are_compared_with_all_valid_rows_of_equal_id_whatever_the_order_of_ids(
    book_ids: list[int | None], ticker_ids: list[int | None], size: int, seed: int
) -> None:
    book, tickers = sides(book_ids, seed), sides(ticker_ids, seed + 1).drop("is_valid")
    valid = [row for row in book.rows() if row[1] and row[0] is not None]
    pairs = [(said[1:], shown[2:]) for said in tickers.rows() for shown in valid if said[0] == shown[0]]
    known = {row[0] for row in valid}

    with blocks_of(size):
        found = ticker_agreement(book.lazy(), tickers.lazy())
        counted = comparable_tickers(book.lazy(), tickers.lazy())

    assert (len(ticker_ids), len(pairs)) == (found["n_ticker"], found["n_ticker_compared"])
    assert sum(not all(map(agrees, *pair)) for pair in pairs) == found["n_ticker_disagree"]
    assert sum(n in known for n in ticker_ids) == counted["compared"]
    assert len(ticker_ids) == sum(counted.values())


def test_a_ticker_that_speaks_of_one_side_is_compared_on_that_side() -> None:
    book = pl.LazyFrame({"seq_last": [7], "is_valid": [True], **{name: [1.0] for name in TOP}})
    silent = pl.lit(None, dtype=pl.Float64)
    bids = book.with_columns(silent.alias("ask_px_00"), silent.alias("ask_sz_00"))

    assert 0 == ticker_agreement(book, bids)["n_ticker_disagree"]
    assert 1 == ticker_agreement(bids, book)["n_ticker_disagree"]
