"""NautilusTrader: its Binance adapter's messages, its deltas and its order book; and its book fed as fast as we could.

Belongs here: NautilusTrader. Does not: other peers.

`whole` is how the library itself gets from the wire to a book (adapters/binance, `_handle_book_diff_update`): msgspec
into the adapter's messages, `parse_to_order_book_deltas`, `OrderBook.apply_deltas`, then `bids()` and `asks()`. `fast`
goes round all of it but the book: orjson, and the Rust book's `update` and `bids(20)` through PyO3, without deltas.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import orjson
from nautilus_trader.adapters.binance.common.schemas.market import BinanceDepth, BinanceOrderBookMsg
from nautilus_trader.core import nautilus_pyo3
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

from benchmarks.contenders.json_decoders import BODY, RECV, inflated
from benchmarks.contenders.top import DEPTH, compared, compared_at_end

NAME: Final = "BTCUSDT-PERP.BINANCE"


def deltas_of(path: str) -> list[OrderBookDeltas]:
    """Decode a capture's depth messages to deltas, as the adapter does."""
    instrument = InstrumentId.from_str(NAME)
    update, snapshot = msgspec.json.Decoder(BinanceOrderBookMsg), msgspec.json.Decoder(BinanceDepth)
    found = []
    for line in inflated(path).splitlines():
        recv = int(line[RECV])
        if b"@depth" in line[:72]:
            found.append(update.decode(line[BODY:]).data.parse_to_order_book_deltas(instrument, recv))
        elif b"lastUpdateId" in line[:72]:
            found.append(snapshot.decode(line[BODY:]).parse_to_order_book_snapshot(instrument, recv))
    return found


def top(book: OrderBook) -> list[float]:
    """Read the best levels."""
    row: list[float] = []
    for levels in (book.bids()[:DEPTH], book.asks()[:DEPTH]):
        missing = [np.nan] * (DEPTH - len(levels))
        row += [float(level.price) for level in levels] + missing + [level.size() for level in levels] + missing
    return row


def replayed(found: list[OrderBookDeltas], *, every: bool) -> list[list[float]]:
    """Apply all, and read the top after each, or only at the end."""
    book = OrderBook(InstrumentId.from_str(NAME), BookType.L2_MBP)
    rows = []
    for deltas in found:
        book.apply_deltas(deltas)
        if every:
            rows.append(top(book))
    return rows if every else [top(book)]


def whole(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From the capture to a top after each depth message."""
    return lambda: replayed(deltas_of(given["capture"]), every=True), compared


def tops(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From deltas to a top after each depth message."""
    found = deltas_of(given["capture"])
    return lambda: replayed(found, every=True), compared


def book(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From deltas to the book at the end."""
    found = deltas_of(given["capture"])
    return lambda: replayed(found, every=False), compared_at_end


def _numbers(levels: list[Any]) -> list[float]:
    missing = [np.nan] * (DEPTH - len(levels))
    return [lv.price.as_double() for lv in levels] + missing + [lv.size() for lv in levels] + missing


def fast(given: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """From the capture to a top after each depth message, by the shortest way into the book."""
    order, price, quantity = nautilus_pyo3.BookOrder, nautilus_pyo3.Price, nautilus_pyo3.Quantity
    sides = (nautilus_pyo3.OrderSide.BUY, nautilus_pyo3.OrderSide.SELL)
    px_decimals, sz_decimals = given["px_decimals"], given["sz_decimals"]

    def run() -> list[list[float]]:
        book = nautilus_pyo3.OrderBook(nautilus_pyo3.InstrumentId.from_str(NAME), nautilus_pyo3.BookType.L2_MBP)
        rows = []
        for line in inflated(given["capture"]).splitlines():
            is_update = b"@depth" in line[:72]
            if not is_update and b"lastUpdateId" not in line[:72]:
                continue
            document = orjson.loads(line[BODY:])
            message = document["data"] if is_update else document
            if not is_update:
                book.clear(0, 0)
            seq = message["u"] if is_update else message["lastUpdateId"]
            keys = ("b", "a") if is_update else ("bids", "asks")
            for side, key in zip(sides, keys, strict=True):
                for px, sz in message[key]:
                    new = order(side, price(float(px), px_decimals), quantity(float(sz), sz_decimals), 0)
                    book.update(new, 0, seq, 0)
            rows.append(_numbers(book.bids(DEPTH)) + _numbers(book.asks(DEPTH)))
        return rows

    return run, compared


CONTENDERS: Final = {"book": book, "tops": tops, "whole": whole, "fast": fast}
