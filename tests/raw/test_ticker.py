import polars as pl

from trading_assets.raw.ticker import comparable_tickers

BOOK = pl.DataFrame({"seq_last": [10, 15, 20, 25], "is_valid": [True, False, True, True]})


def test_each_ticker_is_counted_once_with_the_reason_it_is_not_comparable() -> None:
    tickers = pl.DataFrame({"seq_last": [9, 10, 12, 15, 20, 25, 26]})

    found = comparable_tickers(BOOK, tickers)

    assert {"compared": 3, "inside_an_update": 2, "before_the_book": 1, "after_the_book": 1} == found


def test_without_a_valid_book_nothing_is_comparable() -> None:
    found = comparable_tickers(BOOK.filter(~pl.col("is_valid")), pl.DataFrame({"seq_last": [9, 15]}))

    assert {"compared": 0, "inside_an_update": 0, "before_the_book": 2, "after_the_book": 0} == found
