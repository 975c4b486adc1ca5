"""Databento's DBN files of the MBP-10 schema: the top ten levels after each event, and trades.

Belongs here: what its records mean. Does not: the encoding (dbn), texts of lines (texts).

Document: https://databento.com/docs/schemas/mbp-10 (fields), and common fields, enums and flags at
https://databento.com/docs/conventions/common-fields-enums-types.

- `ts_recv` is the clock of Databento's capture server, `ts_event` the matching engine's. Prices are in 1e-9; a level
  that the book lacks has the undefined price.
- A record is the book after it, but in the midst of an event (a trade, then the orders it filled) that book is of no
  moment: it is taken after the last record of an event, which has the flag F_LAST or is followed by another time.
- Action `T` is a trade; its side is the aggressor's, N where none is said.
- Records flagged as a possibly bad book came after a gap in the channel: their books are left out.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.identifiers import Instrument
from trading_assets.sources.formats.base import Ask, Block, Format, Lack, Reading
from trading_assets.sources.formats.dbn import MAGIC, Dbn, Names
from trading_assets.sources.formats.texts import (
    EVENT,
    PX,
    RECV,
    SZ,
    book_lines,
    joined,
    level_columns,
    scaled_texts,
    trade_line,
)
from trading_assets.sources.lines import NS_PER_DAY

DOCUMENT: Final = "https://databento.com/docs/schemas/mbp-10"
DEPTH: Final = 10

_DECIMALS: Final = 9
_LAST, _BAD_RECV, _BAD_BOOK = 1 << 7, 1 << 3, 1 << 2
_NO_PRICE: Final = 2**63 - 1
_NO_TIME: Final = 2**64 - 1
_FLAGS: Final = {
    _BAD_RECV: "records have an inexact receive time",
    _BAD_BOOK: "records follow a gap in the channel: their books are left out",
}


class DatabentoReading:
    """One DBN file as lines; see `Reading`."""

    source = "databento_mbp_10"

    def __init__(self, path: Path, ask: Ask) -> None:
        self._dbn = Dbn(path, ask)
        self._names = Names(self._dbn.metadata, said=ask.instrument)
        self._held: dict[Instrument, NDArray[np.void]] = {}
        self._n_flagged = dict.fromkeys(_FLAGS, 0)
        self._n_trades = 0

    @property
    def damage(self) -> str | None:
        """Why the file may hold more than was read."""
        return self._dbn.damage

    @property
    def lacks(self) -> Sequence[Lack]:
        """Ids, and the changes between two books."""
        found = [Lack.UPDATES, Lack.UPDATE_IDS, Lack.TRADES, Lack.TRADE_IDS]
        return [lack for lack in found if lack != Lack.TRADES or not self._n_trades]

    @property
    def notes(self) -> Sequence[str]:
        """What its flags say, and what else is in the file."""
        flagged = [f"{n:,} {_FLAGS[flag]}" for flag, n in self._n_flagged.items() if n]
        return [
            *flagged,
            *([f"{self._dbn.n_other:,} records are not of MBP-10: left out"] if self._dbn.n_other else []),
        ]

    def blocks(self) -> Iterator[Block]:
        """Yield the lines."""
        for records in self._dbn.records():
            for instrument, part in self._by_instrument(records):
                held = self._held.get(instrument)
                rows = part if held is None else np.concatenate([held, part])
                self._held[instrument] = rows[-1:]
                if len(rows) > 1:
                    yield instrument, self._lines(rows)
        for instrument, held in self._held.items():
            yield instrument, self._lines(np.concatenate([held, held]), is_end=True)

    def _by_instrument(self, records: NDArray[np.void]) -> Iterator[tuple[Instrument, NDArray[np.void]]]:
        """Split records by instrument; a number may be given to another symbol on another day."""
        keys = records["instrument_id"].astype(np.int64) << 32 | (_received(records) // NS_PER_DAY).astype(np.int64)
        for key in dict.fromkeys(keys.tolist()):
            yield self._names.of(key >> 32, key & 0xFFFFFFFF), records[keys == key]

    def _lines(self, rows: NDArray[np.void], *, is_end: bool = False) -> bytes:
        """Return the lines of all rows but the last, which only tells whether an event ends before it."""
        records, following = rows[:-1], rows[1:]
        flags = records["flags"]
        for flag in _FLAGS:
            self._n_flagged[flag] += int(((flags & flag) != 0).sum())
        ends = ((flags & _LAST) != 0) | (records["ts_recv"] != following["ts_recv"]) | is_end
        is_trade = records["action"] == b"T"
        self._n_trades += int(is_trade.sum())
        received, happened = _received(records), records["ts_event"]
        is_timed = happened != _NO_TIME
        frame = pl.DataFrame(
            {
                RECV: received,
                EVENT: np.where(is_timed, happened.astype(np.int64), received),
                "is_trade": is_trade,
                "has_book": ends & ((flags & _BAD_BOOK) == 0),
                "side": records["side"].astype(str),
                SZ: records["size"],
            }
        )
        sides = {"A": "sell", "B": "buy"}
        frame = frame.with_columns(
            pl.col(SZ).cast(pl.String),
            scaled_texts(pl.Series(PX, records["price"]), _DECIMALS),
            pl.col("side").replace_strict(sides, default=None, return_dtype=pl.String),
            *_levels(records),
        )
        return joined(frame.select(_line()).to_series())


def _received(records: NDArray[np.void]) -> NDArray[np.int64]:
    """Return receive times in ns; where there is none, that of the event."""
    times = records["ts_recv"]
    return np.where(times == _NO_TIME, records["ts_event"], times).astype(np.int64)


def _levels(records: NDArray[np.void]) -> Iterator[pl.Series]:
    """Yield a text column a level: `bid0`, …, `ask0`, …; null where the book has no such level."""
    for side in ("bid", "ask"):
        px, sz = (np.stack([records[f"{side}_{part}_{n:02}"] for n in range(DEPTH)], axis=1) for part in ("px", "sz"))
        yield from level_columns(px, sz, (px != _NO_PRICE) & (sz > 0), decimals=_DECIMALS, prefix=side)


def _line() -> pl.Expr:
    bids, asks = ([pl.col(f"{side}{n}") for n in range(DEPTH)] for side in ("bid", "ask"))
    return pl.concat_str(
        pl.when("is_trade").then(trade_line(pl.lit(None, pl.String), pl.col("side"))),
        pl.when("has_book").then(book_lines(bids, asks)),
        ignore_nulls=True,
    )


def _recognises(_: Path, head: bytes) -> bool:
    return head.startswith(MAGIC)


def _open(path: Path, _: bytes, ask: Ask) -> Reading:
    return DatabentoReading(path, ask)


MBP_10: Final = Format("databento_mbp_10", DOCUMENT, _recognises, _open)
