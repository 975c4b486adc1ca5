"""A published book, row by row, as the changes that lead from each row to the next.

Belongs here: reading books and trades in bounded memory, and what changed. Does not: any other library's format.

Our table shows the best levels after each change. Whoever applies the changes of a row to what the rows before left
holds just the levels of that row: a level that fell out of the table is removed, although the venue may still have it.
A row that is not valid shows a book nobody may rely on: it empties the book, and the next valid row lays it anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import RecordBatch, parquet

from trading_assets import schema
from trading_assets.errors import NotExportable

CLEAR: Final = 0
SNAPSHOT: Final = 1
ADD: Final = 2
UPDATE: Final = 3
REMOVE: Final = 4
BATCH_ROWS: Final = 4096
_BEST: Final = schema.level("bid", "px", 0)

Int64s = NDArray[np.int64]
Int8s = NDArray[np.int8]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Changes:
    """`k` changes of levels in the order in which they are to be applied; those of one row stand together."""

    ts_event: Int64s  # [k] ns since the epoch; the receive time where the venue named none
    ts_recv: Int64s  # [k] ns since the epoch, never falling
    seq: Int64s  # [k] last update id of the row, 0 where there is none
    kind: Int8s  # [k] CLEAR, SNAPSHOT, ADD, UPDATE or REMOVE
    is_ask: Bools  # [k]
    px: Floats  # [k] of a CLEAR: the worst price up to which there are levels
    sz: Floats  # [k] 0 for CLEAR and REMOVE
    is_last: Bools  # [k] the last of its row


@dataclass(frozen=True, slots=True)
class Trades:
    """`k` trades in the venue's order."""

    ts_event: Int64s  # [k] ns since the epoch; the receive time where the venue named none
    ts_recv: Int64s  # [k] the latest receive time so far: the order is the venue's, and no clock runs back
    trade_id: list[str]  # [k] the number of the row, after "row-", where the venue gave no id
    px: Floats
    sz: Floats
    side: Int8s  # [k] 1 where the buyer was the aggressor, 2 the seller, 0 unknown


@dataclass(frozen=True, slots=True)
class _Rows:
    """`n` rows of a book, the last of the batch before standing in front."""

    is_valid: Bools  # [n + 1]
    px: Floats  # [n + 1, 2, depth] bids and asks, NaN where there is no level
    sz: Floats  # the same


def book_changes(path: Path, *, batch_rows: int = BATCH_ROWS) -> Iterator[Changes]:
    """Yield the changes of a published `raw_l2_snapshots`, in memory bounded by `batch_rows`.

    Raises:
        NotExportable: the table shows no book.
    """
    file = parquet.ParquetFile(path)
    if _BEST not in file.schema_arrow.names:
        raise NotExportable(f"{path.name} shows no book: export a partition of raw_l2_snapshots")
    depth = sum(name.startswith("bid_px_") for name in file.schema_arrow.names)
    nothing = np.full((1, 2, depth), np.nan)
    rows = _Rows(np.zeros(1, np.bool_), nothing, nothing)
    for batch in file.iter_batches(batch_size=batch_rows):
        last = _Rows(rows.is_valid[-1:], rows.px[-1:], rows.sz[-1:])
        rows = _after(last, batch, depth)
        yield _changes(rows, batch)


def trades(path: Path, *, batch_rows: int = BATCH_ROWS) -> Iterator[Trades]:
    """Yield a published `raw_trades` in batches."""
    latest, n_before = np.iinfo(np.int64).min, 0
    for batch in parquet.ParquetFile(path).iter_batches(batch_size=batch_rows):
        if not batch.num_rows:
            continue
        recv = np.maximum.accumulate(np.append(latest, _ints(batch, schema.TS_RECV)))[1:]
        ids = batch.column(schema.TRADE_ID).to_pylist()
        names = [f"row-{n}" if trade_id is None else str(trade_id) for n, trade_id in enumerate(ids, n_before)]
        sides = {"buy": 1, "sell": 2, None: 0}
        side = np.array([sides[value] for value in batch.column(schema.AGGRESSOR_SIDE).to_pylist()], np.int8)
        event = _events(batch, recv)
        yield Trades(event, recv, names, _floats(batch, schema.PX), _floats(batch, schema.SZ), side)
        latest, n_before = recv[-1], n_before + batch.num_rows


def _ints(batch: RecordBatch, name: str) -> Int64s:
    values: Int64s = batch.column(name).cast("int64").fill_null(0).to_numpy(zero_copy_only=False)
    return values


def _events(batch: RecordBatch, recv: Int64s) -> Int64s:
    named = batch.column(schema.TS_EVENT).is_valid().to_numpy(zero_copy_only=False)
    return np.where(named, _ints(batch, schema.TS_EVENT), recv)


def _floats(batch: RecordBatch, name: str) -> Floats:
    values: Floats = batch.column(name).to_numpy(zero_copy_only=False)
    return values


def _after(last: _Rows, batch: RecordBatch, depth: int) -> _Rows:
    px, sz = (
        np.stack(
            [
                np.stack([_floats(batch, schema.level(side, field, n)) for n in range(depth)], axis=-1)
                for side in schema.SIDES
            ],
            axis=1,
        )
        for field in schema.FIELDS
    )
    is_valid = batch.column(schema.IS_VALID).to_numpy(zero_copy_only=False)
    return _Rows(
        np.concatenate([last.is_valid, is_valid]),
        np.concatenate([last.px, px]),
        np.concatenate([last.sz, sz]),
    )


def _changes(rows: _Rows, batch: RecordBatch) -> Changes:
    """Lay the possible changes of a row side by side (clear, remove, set), and pick those that there are."""
    n, depth = batch.num_rows, rows.px.shape[-1]
    kind, px, sz = _slots(rows)
    row, slot = np.nonzero(kind >= 0)
    is_ask = np.concatenate([[False, True], np.tile(np.repeat([False, True], depth), 2)])
    recv = _ints(batch, schema.TS_RECV)
    seq = np.maximum(_ints(batch, schema.SEQ_LAST), 0)
    return Changes(
        _events(batch, recv)[row],
        recv[row],
        seq[row],
        kind[row, slot],
        is_ask[slot],
        px[row, slot],
        sz[row, slot],
        np.diff(row, append=n) > 0,
    )


def _slots(rows: _Rows) -> tuple[Int8s, Floats, Floats]:
    """Return kind (-1 for no change), price and size of each possible change: `[n, 2 + 4 * depth]`."""
    was, now = rows.is_valid[:-1], rows.is_valid[1:]
    old, new = rows.px[:-1], rows.px[1:]
    old_sz, new_sz = rows.sz[:-1], rows.sz[1:]
    is_same = new[..., :, None] == old[..., None, :]
    is_kept = is_same.any(axis=-1)
    kept_sz = np.where(is_same, old_sz[..., None, :], 0.0).sum(axis=-1)
    is_gone = ~np.isnan(old) & ~is_same.any(axis=-2)
    both, opens, ends = was & now, ~was & now, was & ~now

    clear = np.where((opens | ends)[:, None], CLEAR, -1).repeat(2, axis=1)
    remove = np.where(both[:, None, None] & is_gone, REMOVE, -1)
    put = np.where(is_kept, np.where(kept_sz == new_sz, -1, UPDATE), ADD)
    put = np.where(both[:, None, None], put, np.where(opens[:, None, None], SNAPSHOT, -1))
    put = np.where(np.isnan(new), -1, put)
    shown = np.where(opens[:, None, None], new, old)
    worst = np.stack([np.fmin.reduce(shown[:, 0], axis=-1), np.fmax.reduce(shown[:, 1], axis=-1)], axis=-1)

    def flat(*parts: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate([part.reshape(len(now), -1) for part in parts], axis=1)

    nothing = np.zeros_like(old)
    return (
        flat(clear, remove, put).astype(np.int8),
        flat(worst, old, new).astype(np.float64),
        flat(np.zeros_like(worst), nothing, new_sz).astype(np.float64),
    )
