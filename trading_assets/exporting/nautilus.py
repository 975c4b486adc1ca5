"""A published partition in NautilusTrader's Parquet catalogue: instrument, book deltas, trades.

Belongs here: its folders, file names, schemas and numbers. Does not: what changed in the book (changes), nor what an
instrument is (nautilus_instrument).

Sources: NautilusTrader's documentation, "Data" (https://nautilustrader.io/docs/latest/concepts/data: catalogue folders
`data/<type>/<instrument id>/<first>_<last>.parquet`, times in the name in UTC) and its model of data (actions, sides,
record flags, `ts_init` never falling). Numbers are those of its high-precision build, the one that is published for
Linux and macOS: price and size times 10^16 as 16 bytes, little end first. Ours map as they do elsewhere in
this project: `ts_event` is `ts_event`, `ts_recv` is `ts_init`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from trading_assets.errors import NotExportable
from trading_assets.export import write_whole
from trading_assets.exporting.changes import (
    ADD,
    CLEAR,
    REMOVE,
    SNAPSHOT,
    UPDATE,
    Changes,
    Floats,
    Trades,
    book_changes,
    trades,
)
from trading_assets.exporting.nautilus_instrument import instrument_table
from trading_assets.identifiers import Instrument

PRECISION: Final = 16
_ACTIONS: Final = {ADD: 1, SNAPSHOT: 1, UPDATE: 2, REMOVE: 3, CLEAR: 4}
_LAST: Final = 128
_IS_SNAPSHOT: Final = 32
_NUMBER: Final = pa.binary(16)
_NS: Final = 10**9
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{9}Z)_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{9}Z)\.parquet")

DELTA: Final = pa.schema(
    [
        pa.field("action", pa.uint8(), nullable=False),
        pa.field("side", pa.uint8(), nullable=False),
        pa.field("price", _NUMBER, nullable=False),
        pa.field("size", _NUMBER, nullable=False),
        pa.field("order_id", pa.uint64(), nullable=False),
        pa.field("flags", pa.uint8(), nullable=False),
        pa.field("sequence", pa.uint64(), nullable=False),
        pa.field("ts_event", pa.uint64(), nullable=False),
        pa.field("ts_init", pa.uint64(), nullable=False),
    ]
)
TRADE: Final = pa.schema(
    [
        pa.field("price", _NUMBER, nullable=False),
        pa.field("size", _NUMBER, nullable=False),
        pa.field("aggressor_side", pa.uint8(), nullable=False),
        pa.field("trade_id", pa.string(), nullable=False),
        pa.field("ts_event", pa.uint64(), nullable=False),
        pa.field("ts_init", pa.uint64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and where."""

    n_deltas: int
    n_trades: int
    files: tuple[Path, ...]


@dataclass(slots=True)
class _Survey:
    """Decimals and times of a table: what stands in its file's name and head."""

    px_decimals: int = 0
    sz_decimals: int = 0
    first: int | None = None
    last: int = 0

    def take(self, px: Floats, sz: Floats, times: NDArray[np.int64]) -> None:
        """Look at a batch."""
        if len(times):
            self.px_decimals = decimals(px, self.px_decimals)
            self.sz_decimals = decimals(sz, self.sz_decimals)
            self.first, self.last = int(times[0]) if self.first is None else self.first, int(times[-1])


def write_catalog(books: Path, tape: Path | None, folder: Path, instrument: Instrument) -> Written:
    """Add a partition to a catalogue in `folder`, in bounded memory; equal tables give equal files.

    Args:
        books: a published `raw_l2_snapshots`.
        tape: a published `raw_trades` of the same partition, or None to leave trades out.
        folder: the catalogue; made where it is not there, and may hold other days and instruments.
        instrument: keeps its name: `BTCUSDT.BINANCE_USDM` is symbol BTCUSDT at venue BINANCE_USDM.

    Raises:
        NotExportable: the table shows no valid row, a number has more decimals than the format, nobody documents what
            the instrument is, or the catalogue has other data of the same time.
        OSError: `folder` cannot be written.
    """
    survey, sold = _Survey(), _Survey()
    for changes in book_changes(books):
        survey.take(changes.px, changes.sz, changes.ts_recv)
    if survey.first is None:
        raise NotExportable("the partition has no valid row of the book: nothing to export")
    for batch in trades(tape) if tape else ():
        sold.take(batch.px, batch.sz, batch.ts_recv)
    precision = (max(survey.px_decimals, sold.px_decimals), max(survey.sz_decimals, sold.sz_decimals))
    head = {"instrument_id": str(instrument), "price_precision": str(precision[0]), "size_precision": str(precision[1])}

    kind, table = instrument_table(instrument, *precision)
    static = folder / "data" / kind / str(instrument) / _file_name(0, 0)
    static.parent.mkdir(parents=True, exist_ok=True)
    write_whole(static, lambda path: parquet.write_table(table, path))
    deltas = (_deltas(changes, precision) for changes in book_changes(books))
    written = [_write(folder, "order_book_delta", instrument, survey, DELTA.with_metadata(head), deltas)]
    if tape and sold.first is not None:
        ticks = (_ticks(batch, precision) for batch in trades(tape))
        written.append(_write(folder, "trade_tick", instrument, sold, TRADE.with_metadata(head), ticks))
    counts = [n for n, _ in written] + [0]
    return Written(counts[0], counts[1], (static, *(path for _, path in written)))


def decimals(values: Floats, least: int = 0) -> int:
    """Return how many decimals it takes to print all values, at least `least`.

    Raises:
        NotExportable: more than the format has.
    """
    known = values[~np.isnan(values)]
    for n in range(least, PRECISION + 1):
        if np.array_equal(np.round(known, n), known):
            return n
    raise NotExportable(f"a price or size has more than the {PRECISION} decimals that NautilusTrader keeps")


def fixed_point(values: Floats, n_decimals: int) -> pa.Array:
    """Return values times 10^16 as integers of 16 bytes, little end first; exact, as the product is made in halves.

    Raises:
        NotExportable: a value is too large to be exact.
    """
    scaled = np.rint(values * 10.0**n_decimals)
    if len(scaled) and scaled.max() >= 2.0**53:
        raise NotExportable(f"{values.max():g} with {n_decimals} decimals is more than a float holds exactly")
    mantissa, scale = scaled.astype(np.uint64), 10 ** (PRECISION - n_decimals)
    low_half, shift = np.uint64(2**32 - 1), np.uint64(32)
    m0, m1 = mantissa & low_half, mantissa >> shift
    k0, k1 = np.uint64(scale & (2**32 - 1)), np.uint64(scale >> 32)
    low, middle, cross, high = m0 * k0, m1 * k0, m0 * k1, m1 * k1
    carry = (low >> shift) + (middle & low_half) + (cross & low_half)
    words = np.empty((len(values), 2), "<u8")
    words[:, 0] = (low & low_half) | (carry << shift)
    words[:, 1] = high + (middle >> shift) + (cross >> shift) + (carry >> shift)
    return pa.FixedSizeBinaryArray.from_buffers(_NUMBER, len(values), [None, pa.py_buffer(words.tobytes())])


def _deltas(changes: Changes, precision: tuple[int, int]) -> list[pa.Array]:
    """Make columns of `DELTA`; the two clears of a row are one, which has no side and no price."""
    is_clear = changes.kind == CLEAR
    kept = ~(is_clear & changes.is_ask)
    actions = np.array([_ACTIONS[kind] for kind in range(len(_ACTIONS))], np.uint8)
    side = np.where(is_clear, 0, np.where(changes.is_ask, 2, 1)).astype(np.uint8)
    is_last = changes.is_last | _ends_as_cleared(changes)
    # `OrderBookDeltas.batch` ends an event where the flags are just F_LAST, and overlooks F_LAST beside F_SNAPSHOT
    flags = np.where(is_last, _LAST, np.where(is_clear | (changes.kind == SNAPSHOT), _IS_SNAPSHOT, 0))
    return [
        pa.array(actions[changes.kind][kept]),
        pa.array(side[kept]),
        fixed_point(np.where(is_clear, 0.0, changes.px)[kept], precision[0]),
        fixed_point(changes.sz[kept], precision[1]),
        pa.array(np.zeros(int(kept.sum()), np.uint64)),
        pa.array(flags[kept].astype(np.uint8)),
        *(pa.array(times[kept].astype(np.uint64)) for times in (changes.seq, changes.ts_event, changes.ts_recv)),
    ]


def _ends_as_cleared(changes: Changes) -> NDArray[np.bool_]:
    """Find the bid's clear of a row that holds nothing but clears: it stays, and is the last."""
    is_next_last = np.append(changes.is_last[1:], False)
    found: NDArray[np.bool_] = (changes.kind == CLEAR) & ~changes.is_ask & is_next_last
    return found


def _ticks(batch: Trades, precision: tuple[int, int]) -> list[pa.Array]:
    return [
        fixed_point(batch.px, precision[0]),
        fixed_point(batch.sz, precision[1]),
        pa.array(batch.side.astype(np.uint8)),
        pa.array(batch.trade_id),
        *(pa.array(times.astype(np.uint64)) for times in (batch.ts_event, batch.ts_recv)),
    ]


def _write(
    folder: Path,
    kind: str,
    instrument: Instrument,
    survey: _Survey,
    layout: pa.Schema,
    batches: Iterator[list[pa.Array]],
) -> tuple[int, Path]:
    """Write one file of the catalogue, whole or not at all; return its rows."""
    path = folder / "data" / kind / str(instrument) / _file_name(survey.first or 0, survey.last)
    path.parent.mkdir(parents=True, exist_ok=True)
    _ensure_alone(path)
    n_rows = 0

    def write(aside: Path) -> None:
        nonlocal n_rows
        with parquet.ParquetWriter(aside, layout) as file:
            for columns in batches:
                file.write_batch(pa.record_batch(columns, schema=layout))
                n_rows += len(columns[0])

    write_whole(path, write)
    return n_rows, path


def _ensure_alone(path: Path) -> None:
    """NautilusTrader reads a folder as one table, and refuses to add a file whose times meet another's."""
    first, last = path.stem.split("_")
    for other in sorted(path.parent.glob("*.parquet")):
        match = _NAME.fullmatch(other.name)
        if other != path and (match is None or (match[1] <= last and first <= match[2])):
            raise NotExportable(f"{other} holds the same time: remove it, or name another folder")


def _file_name(first: int, last: int) -> str:
    return f"{_stamp(first)}_{_stamp(last)}.parquet"


def _stamp(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // _NS, UTC):%Y-%m-%dT%H-%M-%S}-{ns % _NS:09d}Z"
