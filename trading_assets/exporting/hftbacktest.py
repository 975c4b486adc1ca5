"""A published partition as hftbacktest's npz of events.

Belongs here: hftbacktest's layout, flags and order of events. Does not: what changed in the book (changes).

Source: hftbacktest's documentation, "Data" (https://hftbacktest.readthedocs.io/en/latest/data.html) and the reference
of `hftbacktest.types`: the array `data` of eight fields of eight bytes; kinds in the low byte of `ev`; flags for side
and for who sees the event. A clear names the price up to which a side is emptied. Two of its rules about time:

- The exchange sees events in the order of `exch_ts`, the strategy in that of `local_ts`. An event whose place is not
  the same in both is written twice, once for each. Ours are in the order of `local_ts`, so only an event with
  an `exch_ts` lower than one before it is split; its other half is put where the exchange had it.
- Latency is not negative. Where the clock of the receiver ran behind, all `local_ts` are moved by the largest amount by
  which it did, as hftbacktest's `correct_local_timestamp` does; the published table keeps the clock as it was.
"""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.errors import NotExportable
from trading_assets.exporting.changes import ADD, CLEAR, REMOVE, SNAPSHOT, UPDATE, Changes, Trades, book_changes, trades

EVENT: Final = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ]
)
DEPTH_EVENT: Final = 1
TRADE_EVENT: Final = 2
DEPTH_CLEAR_EVENT: Final = 3
DEPTH_SNAPSHOT_EVENT: Final = 4
EXCH_EVENT: Final = 1 << 31
LOCAL_EVENT: Final = 1 << 30
BUY_EVENT: Final = 1 << 29
SELL_EVENT: Final = 1 << 28
BLOCK_EVENTS: Final = 2**16
_KINDS: Final = {
    CLEAR: DEPTH_CLEAR_EVENT,
    SNAPSHOT: DEPTH_SNAPSHOT_EVENT,
    ADD: DEPTH_EVENT,
    UPDATE: DEPTH_EVENT,
    REMOVE: DEPTH_EVENT,
}
_SIDES: Final = np.array([0, BUY_EVENT, SELL_EVENT], np.uint64)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can name: equal data gives equal bytes."""

Events = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    n_events: int
    n_split: int  # events that are written twice
    shift_ns: int  # what was added to every receive time


@dataclass(slots=True)
class _Survey:
    """What the first pass over the events finds out."""

    n_events: int = 0
    n_late: int = 0
    lateness: int = 0  # ns by which an event lies behind the latest of those before it
    latency: int = 0  # ns, the lowest, at most 0
    latest: int = np.iinfo(np.int64).min


def write_npz(books: Path, tape: Path | None, target: Path) -> Written:
    """Write books and trades of a partition as one npz, in bounded memory; equal tables give equal bytes.

    Args:
        books: a published `raw_l2_snapshots`.
        tape: a published `raw_trades` of the same partition, or None to leave trades out.
        target: the file to write.

    Raises:
        NotExportable: `books` is no such table, or has no valid row.
        OSError: `target`, or the space for the events beside it, cannot be written.
    """
    of_books = (_of_book(changes) for changes in book_changes(books))
    of_trades = (_of_trades(batch) for batch in trades(tape)) if tape else iter(())
    with TemporaryFile(dir=target.parent) as spool:
        survey = _spool(_merged(of_books, of_trades), spool)
        if not survey.n_events:
            raise NotExportable("the partition has neither a valid row of the book nor a trade: nothing to export")
        n_written = survey.n_events + survey.n_late
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            entry = zipfile.ZipInfo("data.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                header = {"descr": EVENT.descr, "fortran_order": False, "shape": (n_written,)}
                np.lib.format.write_array_header_1_0(file, header)
                for events in _in_both_orders(_blocks(spool), survey):
                    file.write(events.tobytes())
    return Written(survey.n_events, survey.n_late, -survey.latency)


def _of_book(changes: Changes) -> Events:
    kinds = np.array([_KINDS[kind] for kind in range(len(_KINDS))], np.uint64)
    events = np.zeros(len(changes.kind), EVENT)
    events["ev"] = kinds[changes.kind] | _SIDES[1 + changes.is_ask.astype(np.int8)]
    events["exch_ts"], events["local_ts"] = changes.ts_event, changes.ts_recv
    events["px"], events["qty"] = changes.px, changes.sz
    return events


def _of_trades(batch: Trades) -> Events:
    events = np.zeros(len(batch.px), EVENT)
    events["ev"] = _SIDES[batch.side] | np.uint64(TRADE_EVENT)
    events["exch_ts"], events["local_ts"] = batch.ts_event, batch.ts_recv
    events["px"], events["qty"] = batch.px, batch.sz
    return events


def _merged(*streams: Iterator[Events]) -> Iterator[Events]:
    """Merge streams by `local_ts`; at one instant the first stream comes first."""
    open_streams = list(streams)
    held = [np.zeros(0, EVENT) for _ in streams]
    while open_streams or any(map(len, held)):
        for n, stream in enumerate(streams):
            while stream in open_streams and not len(held[n]):
                block = next(stream, None)
                if block is None:
                    open_streams.remove(stream)
                else:
                    held[n] = block
        bounds = [held[n]["local_ts"][-1] for n, stream in enumerate(streams) if stream in open_streams]
        bound = min(bounds, default=np.iinfo(np.int64).max)
        cuts = [int(np.searchsorted(events["local_ts"], bound, side="right")) for events in held]
        ready = np.concatenate([events[:cut] for events, cut in zip(held, cuts, strict=True)])
        held = [events[cut:] for events, cut in zip(held, cuts, strict=True)]
        if len(ready):
            yield ready[np.argsort(ready["local_ts"], kind="stable")]


def _spool(blocks: Iterable[Events], spool: IO[bytes]) -> _Survey:
    survey = _Survey()
    for events in blocks:
        latest = np.maximum.accumulate(np.append(survey.latest, events["exch_ts"]))
        behind = latest[1:] - events["exch_ts"]
        survey.n_events += len(events)
        survey.n_late += int((behind > 0).sum())
        survey.lateness = max(survey.lateness, int(behind.max()))
        survey.latency = min(survey.latency, int((events["local_ts"] - events["exch_ts"]).min()))
        survey.latest = int(latest[-1])
        spool.write(events.tobytes())
    return survey


def _blocks(spool: IO[bytes]) -> Iterator[Events]:
    spool.seek(0)
    while block := spool.read(BLOCK_EVENTS * EVENT.itemsize):
        yield np.frombuffer(block, EVENT).copy()


def _in_both_orders(blocks: Iterable[Events], survey: _Survey) -> Iterator[Events]:
    """Flag who sees each event, and split those that the exchange saw earlier than their place says.

    The exchange's half of an event goes before the first event that is later, at most `survey.lateness` back: so
    much is held.
    """
    held, reached, halves = np.zeros(0, EVENT), np.zeros(0, np.int64), np.zeros(0, EVENT)
    top = np.iinfo(np.int64).min
    for block in blocks:
        latest = np.maximum.accumulate(np.append(top, block["exch_ts"]))
        top, is_late = latest[-1], block["exch_ts"] < latest[:-1]
        block["local_ts"] -= survey.latency
        late = block[is_late]
        late["ev"] |= np.uint64(EXCH_EVENT)
        block["ev"] |= np.where(is_late, np.uint64(LOCAL_EVENT), np.uint64(LOCAL_EVENT | EXCH_EVENT))
        held, reached = np.concatenate([held, block]), np.concatenate([reached, latest[1:]])
        halves = np.concatenate([halves, late])
        halves = halves[np.argsort(halves["exch_ts"], kind="stable")]
        settled = top - survey.lateness
        n_main = int(np.searchsorted(reached, settled))
        n_half = int(np.searchsorted(halves["exch_ts"], settled))
        yield _inserted(held[:n_main], reached[:n_main], halves[:n_half])
        held, reached, halves = held[n_main:], reached[n_main:], halves[n_half:]
    yield _inserted(held, reached, halves)


def _inserted(events: Events, reached: NDArray[np.int64], halves: Events) -> Events:
    return np.insert(events, np.searchsorted(reached, halves["exch_ts"], side="right"), halves)
