"""LOBSTER's pairs of files: what happened to Nasdaq's book, and the top of the book after each of these messages.

Belongs here: what their rows mean, side by side. Does not: whether they agree (lobster_check), finding and reading the
two files in step (lobster_pair).

Document: https://lobsterdata.com/info/DataStructure.php, and for hidden executions and crosses
http://help.lobsterdata.com (articles 856882, 859578).

- Times are seconds after midnight in New York, of the day in the file's name; prices are in $0.0001.
- Row i of the orderbook file is the book after message i. A level that the book lacks has a price of +-9999999999.
- Types 1 to 4 (submission, partial cancellation, deletion, execution) change the book at their price. An execution is
  of a resting order, whose side is the direction: the aggressor's is the other.
- Type 5 executes a hidden order: a trade, and the book stays. Since 14 July 2014 its direction says nothing.
- Type 6 sums up a cross (an auction) of which the book's executions were reported on their own: no further trade.
- Type 7 is a trading halt beginning or ending. The book stands still, which is what its rows say.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from trading_assets.errors import InvalidIdentifier, NotACapture
from trading_assets.identifiers import Instrument, parse_day
from trading_assets.sources.formats.base import Ask, Block, Format, Lack, Reading
from trading_assets.sources.formats.lobster_check import CHANGES, Books, disagreements
from trading_assets.sources.formats.lobster_pair import Pair, Stretch
from trading_assets.sources.formats.tables import ROW, TEXT
from trading_assets.sources.formats.texts import (
    EVENT,
    PX,
    RECV,
    SZ,
    book_lines,
    joined,
    level_columns,
    line_as_it_stood,
    scaled_texts,
    trade_line,
)

DOCUMENT: Final = "https://lobsterdata.com/info/DataStructure.php"

_VISIBLE, _HIDDEN, _CROSS, _HALT = 4, 5, 6, 7
_DECIMALS: Final = 4
_NEW_YORK: Final = ZoneInfo("America/New_York")
_HIDDEN_SIDES_END: Final = date(2014, 7, 14)
_NAME: Final = re.compile(
    r"(?P<ticker>[A-Za-z0-9.-]+)_(?P<day>\d{4}-\d{2}-\d{2})_\d+_\d+_(?P<part>message|orderbook)_(?P<depth>\d+)\.csv(\.\w+)?"
)
_PARTS: Final = ("message", "orderbook")


class LobsterReading:
    """One pair of LOBSTER files as lines; see `Reading`."""

    source = "lobster"
    lacks: Sequence[Lack] = (Lack.ARRIVAL_TIMES, Lack.UPDATE_IDS, Lack.TRADE_IDS)

    def __init__(self, pair: Pair, instrument: Instrument, day: date) -> None:
        self._pair, self._instrument, self._day = pair, instrument, day
        midnight = datetime(day.year, day.month, day.day, tzinfo=_NEW_YORK)
        self._midnight_ns = int(midnight.timestamp()) * 10**9
        self._n_contradictions = self._n_crosses = self._n_halts = 0
        self._before: Books | None = None
        self._last_recv = self._midnight_ns

    @property
    def damage(self) -> str | None:
        """Why the files may hold more than was read."""
        return self._pair.damage

    @property
    def notes(self) -> Sequence[str]:
        """What the rows say that is no book and no trade."""
        counted = {
            "messages contradict the book's change after them: they are dead letters, the books were taken": (
                self._n_contradictions
            ),
            "rows cannot be read": self._pair.n_unreadable,
            "crosses are no trades of their own": self._n_crosses,
            "trading halts begin or end: the book stands still between": self._n_halts,
        }
        return [f"{n:,} {what}" for what, n in counted.items() if n]

    def blocks(self) -> Iterator[Block]:
        """Yield the lines: of each message its trade, then the book after it."""
        for stretch in self._pair.stretches():
            if not stretch.messages.is_empty():
                yield self._instrument, self._lines(stretch)
            if stretch.unreadable:
                yield self._instrument, b"".join(b"%d %s\n" % (self._last_recv, row) for row in stretch.unreadable)

    def _lines(self, stretch: Stretch) -> bytes:
        rows, books = (
            self._rows(stretch.messages),
            Books.of(stretch.books, stretch.messages[ROW].to_numpy(), self._before),
        )
        kinds = rows["type"].to_numpy()
        is_wrong = disagreements(rows, books)
        is_same = books.is_same()
        frame = rows.with_columns(
            pl.Series("is_wrong", is_wrong),
            pl.Series("is_trade", np.isin(kinds, (_VISIBLE, _HIDDEN)) & ~is_wrong),
            pl.Series("has_book", ~(is_same & ~np.isin(kinds, CHANGES))),
            *_levels(books),
        )
        self._n_contradictions += int(is_wrong.sum())
        self._n_crosses += int((kinds == _CROSS).sum())
        self._n_halts += int((kinds == _HALT).sum())
        self._before, self._last_recv = books.last(), int(rows[RECV][-1])
        return joined(frame.select(_line(books.depth)).to_series())

    def _rows(self, messages: pl.DataFrame) -> pl.DataFrame:
        """Return type, direction, price and size as integers, and what trades are written from."""
        seconds = messages["time"].str.split_exact(".", 1).struct.unnest()
        nanoseconds = seconds["field_1"].fill_null("").str.pad_end(9, "0").cast(pl.Int64)
        times = self._midnight_ns + seconds["field_0"].cast(pl.Int64) * 10**9 + nanoseconds
        numbers = messages.select(pl.col("type", "size", "price", "direction").cast(pl.Int64))
        executed = pl.when(pl.col("direction") > 0).then(pl.lit("sell")).otherwise(pl.lit("buy"))
        is_known = (pl.col("type") != _HIDDEN) | (self._day < _HIDDEN_SIDES_END)
        return numbers.with_columns(
            times.alias(RECV),
            times.alias(EVENT),
            scaled_texts(numbers["price"], _DECIMALS).alias(PX),
            messages["size"].alias(SZ),
            pl.when(is_known).then(executed).alias("side"),
            messages[TEXT],
        )


def _levels(books: Books) -> Iterator[pl.Series]:
    """Yield a text column a level: `b0`, `b1`, …, `a0`, …; null where the book has no such level."""
    for side, name in enumerate("ba"):
        yield from level_columns(*books.after(side), decimals=_DECIMALS, prefix=name)


def _line(depth: int) -> pl.Expr:
    bids, asks = ([pl.col(f"{side}{n}") for n in range(depth)] for side in "ba")
    return pl.concat_str(
        pl.when("is_wrong").then(line_as_it_stood(pl.col(TEXT))),
        pl.when("is_trade").then(trade_line(pl.lit(None, pl.String), pl.col("side"))),
        pl.when("has_book").then(book_lines(bids, asks)),
        ignore_nulls=True,
    )


def _recognises(path: Path, _: bytes) -> bool:
    return _NAME.fullmatch(path.name) is not None


def _open(path: Path, _: bytes, ask: Ask) -> Reading:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise NotACapture(f"{path.name} is not named like TICKER_DAY_START_END_message_10.csv: the day is in the name")
    paths = [path.with_name(path.name.replace(f"_{match['part']}_", f"_{part}_")) for part in _PARTS]
    try:
        instrument = ask.instrument or Instrument.parse(f"{match['ticker'].replace('.', '-')}.NASDAQ")
        day = parse_day(match["day"])
    except InvalidIdentifier as error:
        raise NotACapture(f"{path.name}: {error}") from None
    return LobsterReading(Pair(*paths, depth=int(match["depth"]), ask=ask), instrument, day)


LOBSTER: Final = Format("lobster", DOCUMENT, _recognises, _open)
