import pytest

from trading_assets.sources.kinds import VENUE, book_sources, conflict
from trading_assets.venues.interchange import depth_line, mark_line, source_line, trade_line
from trading_assets.venues.wire import Mark

AT = "1723118400000000000 "
BINANCE = AT + '{"stream":"btcusdt@trade","data":{"e":"trade"}}'
BOOK = AT + depth_line(7, [("1", "2")], [], is_snapshot=True)
TRADE = AT + trade_line(7, 1, "1", "2", side=None)
TOP_5 = AT + source_line("tardis_book_snapshot_5", ["trades"])
TRADES = AT + source_line("tardis_trades", ["books"])
MARK = AT + mark_line(Mark(7, None))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], set()),
        ([BINANCE], {VENUE}),
        ([MARK, BINANCE], {VENUE}),
        ([BOOK, TOP_5], {"tardis_book_snapshot_5"}),
        ([TRADE, TRADES], set()),
        ([BOOK, TOP_5, TRADE, TRADES, TOP_5], {"tardis_book_snapshot_5"}),
        ([BINANCE, BOOK, TOP_5], {VENUE, "tardis_book_snapshot_5"}),
        ([BOOK, AT + "binance,BTCUSDT,torn", AT, "", TOP_5], {"tardis_book_snapshot_5"}),
        ([AT + "{}"], {VENUE}),
    ],
)
def test_sources_of_books_are_named(lines: list[str], expected: set[str]) -> None:
    chunk = "".join(f"{line}\n" for line in lines).encode()

    assert expected == book_sources([chunk])
    assert expected == book_sources(f"{line}\n".encode() for line in lines)


def test_books_of_one_source_mix_and_of_two_do_not() -> None:
    assert conflict([]) is None
    assert conflict(["lobster", "lobster"]) is None
    assert conflict([VENUE, "lobster"]) == "books of two sources do not mix: lobster and the venue's own messages"
