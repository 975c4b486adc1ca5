"""Tardis's downloadable CSV files: what their three tables have in common.

Belongs here: names, times, and splitting a table by instrument. Does not: books (tardis_books) and trades
(tardis_trades).

Document: https://docs.tardis.dev/downloadable-csv-files (data types), https://docs.tardis.dev/faq/data (rebuilding a
book). Times are µs since the epoch: `local_timestamp` is when Tardis received the message, `timestamp` the exchange's
own or, where it sends none, that of arrival again. Where all rows have equal times, there is one clock for both.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import polars as pl

from trading_assets.errors import InvalidIdentifier, NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sources.formats.base import Ask, Block, Lack
from trading_assets.sources.formats.tables import Table
from trading_assets.sources.formats.texts import EVENT, RECV

DOCUMENT: Final = "https://docs.tardis.dev/downloadable-csv-files"
EXCHANGE: Final = "exchange"
SYMBOL: Final = "symbol"
COMMON: Final = {
    EXCHANGE: "[a-z0-9-]+",
    SYMBOL: '[^,"]+',
    "timestamp": "[1-9][0-9]{0,14}|[1-8][0-9]{15}",
    "local_timestamp": "[1-8][0-9]{15}",
}
"""The first columns of each table, and what may stand in them: times that are int64 in ns too, a `local_timestamp` from
2001 on."""

_NS_PER_US: Final = 1000
_VENUES: Final = {
    "binance-futures": "BINANCE_USDM",
    "binance-delivery": "BINANCE_COINM",
    "bybit": "BYBIT_LINEAR",
    "bybit-spot": "BYBIT_SPOT",
}
"""Exchanges that are called otherwise here; every other one is its name in capitals."""


class Writer(Protocol):
    """Turns the rows of one instrument into lines; they have `RECV` and `EVENT` in ns beside the table's columns."""

    @property
    def lacks(self) -> Sequence[Lack]:
        """What the rows so far cannot say, beside arrival times."""
        ...

    @property
    def n_unreadable(self) -> int:
        """Rows so far that the table could read and that mean nothing: written as they stood."""
        ...

    def feed(self, frame: pl.DataFrame) -> bytes:
        """Return the lines that are complete with these rows."""
        ...

    def end(self) -> bytes:
        """Return what was held back."""
        ...


class TardisReading:
    """One Tardis file as lines; see `Reading`."""

    def __init__(self, source: str, table: Table, writer: Callable[[], Writer], ask: Ask) -> None:
        self.source = source
        self.notes: list[str] = []
        self._table, self._new_writer, self._said = table, writer, ask.instrument
        self._writers: dict[Instrument, Writer] = {}
        self._names: set[tuple[str, str]] = set()
        self._has_two_clocks = False

    @property
    def lacks(self) -> Sequence[Lack]:
        """What the file cannot say; of arrival times that is known at its end."""
        found = {lack for writer in self._writers.values() for lack in writer.lacks}
        found |= set() if self._has_two_clocks else {Lack.ARRIVAL_TIMES}
        return [lack for lack in Lack if lack in found]

    @property
    def damage(self) -> str | None:
        """Why the file may hold more than was read."""
        return self._table.damage

    def blocks(self) -> Iterator[Block]:
        """Yield the lines."""
        for rows in self._table.rows():
            frame = rows.frame.with_columns(
                (pl.col("local_timestamp").cast(pl.Int64) * _NS_PER_US).alias(RECV),
                (pl.col("timestamp").cast(pl.Int64) * _NS_PER_US).alias(EVENT),
            )
            self._has_two_clocks = self._has_two_clocks or bool((frame[RECV] != frame[EVENT]).any())
            for part in frame.partition_by(EXCHANGE, SYMBOL, maintain_order=True):
                instrument = self._instrument(part[EXCHANGE][0], part[SYMBOL][0])
                yield instrument, self._writers[instrument].feed(part)
            if not frame.is_empty():
                last = (self._instrument(frame[EXCHANGE][-1], frame[SYMBOL][-1]), frame[RECV][-1])
            if rows.unreadable:
                yield last[0], b"".join(b"%d %s\n" % (last[1], row) for row in rows.unreadable.values())
        for instrument, writer in self._writers.items():
            yield instrument, writer.end()
        n_unreadable = self._table.n_unreadable + sum(writer.n_unreadable for writer in self._writers.values())
        if n_unreadable:
            self.notes.append(f"{n_unreadable:,} of {self._table.n_rows:,} rows cannot be read")

    def _instrument(self, exchange: str, symbol: str) -> Instrument:
        found = self._said or instrument_of(exchange, symbol)
        if found not in self._writers:
            self._writers[found] = self._new_writer()
            self._names = {(exchange, symbol)}
        elif self._said and (exchange, symbol) not in self._names:
            raise NotACapture(f"it holds {symbol} beside another symbol, and --instrument names one instrument for all")
        return found


def instrument_of(exchange: str, symbol: str) -> Instrument:
    """Name an instrument as it is called here.

    Raises:
        NotACapture: the symbol cannot be part of an instrument's name.
    """
    venue = _VENUES.get(exchange, exchange.upper().replace("-", "_"))
    try:
        return Instrument.parse(f"{symbol.replace('/', '-')}.{venue}")
    except InvalidIdentifier as error:
        raise NotACapture(f"it cannot be told whose it is ({error}): name the instrument with --instrument") from None
