"""The JSON libraries: a gzip capture of Binance into typed columns, as a careful user of each would write it.

Belongs here: decoding by orjson, msgspec, simdjson and the standard library. Does not: books (json_books).

Each reads every field that ours reads, prices and sizes as floats, and checks nothing. To measure the parsing and not
the inflating, all of them inflate with ISA-L, as ours does. msgspec is told the layout of each message, so that it
makes floats of the texts itself; the others parse, and Python makes the floats.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import orjson
import simdjson
from isal import isal_zlib

RECV: Final = slice(0, 19)
BODY: Final = 20
Loads = Callable[[bytes], Any]


@dataclass(slots=True)
class Columns:
    """What a decoder collects; lists here, arrays in `as_arrays`."""

    book: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # ts_recv, ts_event, first, last, levels
    px: list[float] = field(default_factory=list)
    sz: list[float] = field(default_factory=list)
    n_bids: list[int] = field(default_factory=list)
    trades: list[tuple[int, int, int, float, float, bool]] = field(default_factory=list)
    tickers: list[tuple[int, int, float, float, float, float]] = field(default_factory=list)


def inflated(path: str) -> bytes:
    """Read a gzip file."""
    return isal_zlib.decompress(Path(path).read_bytes(), 31)


def typed(columns: Columns) -> dict[str, np.ndarray]:
    """Make arrays of the lists: the end of decoding, timed."""
    book = np.array(columns.book, np.int64).reshape(-1, 5)
    trades = list(zip(*columns.trades, strict=True)) or [()] * 6
    tickers = list(zip(*columns.tickers, strict=True)) or [()] * 6
    ints = {"ts_recv": 0, "ts_event": 1, "seq_first": 2, "seq_last": 3, "n_levels": 4}
    return {
        **{name: book[:, n] for name, n in ints.items()},
        "n_bids": np.array(columns.n_bids, np.int64),
        "px": np.array(columns.px),
        "sz": np.array(columns.sz),
        "trade_recv": np.array(trades[0], np.int64),
        "trade_event": np.array(trades[1], np.int64),
        "trade_id": np.array(trades[2], np.int64),
        "trade_px": np.array(trades[3]),
        "trade_sz": np.array(trades[4]),
        "trade_is_sell": np.array(trades[5], np.bool_),
        "ticker_recv": np.array(tickers[0], np.int64),
        "ticker_seq": np.array(tickers[1], np.int64),
        **{f"ticker_{n}": np.array(tickers[n]) for n in range(2, 6)},
    }


def by_documents(loads: Loads, raw: bytes) -> dict[str, np.ndarray]:
    """Parse each line to a document, and pick."""
    columns = Columns()
    for line in raw.splitlines():
        document = loads(line[BODY:])
        message = document.get("data", document)
        recv = int(line[RECV])
        if "U" in message:
            bids, asks = message["b"], message["a"]
            at = message["T"] if "T" in message else message["E"]
            columns.book.append((recv, at * 1_000_000, message["U"], message["u"], len(bids) + len(asks)))
        elif "t" in message:
            if message["X"] == "MARKET" if "X" in message else True:
                px, sz = float(message["p"]), float(message["q"])
                columns.trades.append((recv, message["T"] * 1_000_000, message["t"], px, sz, message["m"]))
            continue
        elif "B" in message:
            top = [float(message[key]) for key in "bBaA"]
            columns.tickers.append((recv, message["u"], *top))
            continue
        else:
            bids, asks = message["bids"], message["asks"]
            at, seq = message.get("T", 0), message["lastUpdateId"]
            columns.book.append((recv, at * 1_000_000, seq, seq, len(bids) + len(asks)))
        columns.n_bids.append(len(bids))
        for side in (bids, asks):
            columns.px.extend([float(px) for px, _ in side])
            columns.sz.extend([float(sz) for _, sz in side])
    return typed(columns)


class Update(msgspec.Struct, gc=False):
    """A depth update."""

    E: int
    U: int
    u: int
    b: list[tuple[float, float]]
    a: list[tuple[float, float]]
    T: int = 0


class Print(msgspec.Struct, gc=False):
    """A trade."""

    T: int
    t: int
    p: float
    q: float
    m: bool
    X: str = "MARKET"


class Top(msgspec.Struct, gc=False):
    """A ticker; the names differ by case only."""

    u: int
    b: float
    B: float
    a: float
    A: float


class Snapshot(msgspec.Struct, gc=False):
    """A whole book."""

    lastUpdateId: int  # noqa: N815 - the venue's spelling
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    T: int = 0


class UpdateEvent(msgspec.Struct, gc=False):
    """An update in a combined stream."""

    data: Update


class PrintEvent(msgspec.Struct, gc=False):
    """A trade in a combined stream."""

    data: Print


class TopEvent(msgspec.Struct, gc=False):
    """A ticker in a combined stream."""

    data: Top


def by_layout(raw: bytes) -> dict[str, np.ndarray]:
    """Let msgspec make typed messages, the kind told by the name of the stream."""
    columns = Columns()
    update, trade, top = (msgspec.json.Decoder(t, strict=False).decode for t in (UpdateEvent, PrintEvent, TopEvent))
    for line in raw.splitlines():
        recv, head = int(line[RECV]), line[:72]
        if b"@bookTicker" in head:
            tick = top(line[BODY:]).data
            columns.tickers.append((recv, tick.u, tick.b, tick.B, tick.a, tick.A))
            continue
        if b"@trade" in head:
            sale = trade(line[BODY:]).data
            if sale.X == "MARKET":
                columns.trades.append((recv, sale.T * 1_000_000, sale.t, sale.p, sale.q, sale.m))
            continue
        if b"@depth" in head:
            change = update(line[BODY:]).data
            bids, asks = change.b, change.a
            at = (change.T or change.E) * 1_000_000
            columns.book.append((recv, at, change.U, change.u, len(bids) + len(asks)))
        else:
            book = msgspec.json.decode(line[BODY:], type=Snapshot, strict=False)
            bids, asks, seq = book.bids, book.asks, book.lastUpdateId
            columns.book.append((recv, book.T * 1_000_000, seq, seq, len(bids) + len(asks)))
        columns.n_bids.append(len(bids))
        for side in (bids, asks):
            columns.px.extend([px for px, _ in side])
            columns.sz.extend([sz for _, sz in side])
    return typed(columns)


def _two_ways(
    decode: Callable[[bytes], Any],
) -> tuple[Callable[[dict[str, Any]], Any], Callable[[dict[str, Any]], Any]]:
    """Return the contender that inflates, and the one to which the bytes are handed."""

    def inflating(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        return lambda: decode(inflated(given["capture"])), lambda columns: columns

    def decoding(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        raw = inflated(given["capture"])
        return lambda: decode(raw), lambda columns: columns

    return inflating, decoding


_PARSER: Final = simdjson.Parser()
_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "json": lambda raw: by_documents(json.loads, raw),
    "orjson": lambda raw: by_documents(orjson.loads, raw),
    # one parser for all lines, as its manual asks; the document is handed over as Python objects
    "simdjson": lambda raw: by_documents(lambda line: _PARSER.parse(line, True), raw),  # noqa: FBT003 - its only spelling
    "msgspec": by_layout,
}
CONTENDERS: Final = {
    key: way
    for name, decode in _DECODERS.items()
    for key, way in zip((name, f"{name}_only"), _two_ways(decode), strict=True)
}
