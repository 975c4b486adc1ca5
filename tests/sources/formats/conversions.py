"""A recording of Binance as Tardis and as hftbacktest would have it, from its JSON and nothing of ours."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from format_files import INCREMENTAL, TRADES, written

from trading_assets.sources.formats.hftbacktest import BUY, CLEAR, DEPTH, DTYPE, EXCH, LOCAL, SELL, SNAPSHOT, TRADE


class Said(NamedTuple):
    """What one line says: a book, an update or a trade."""

    recv: int
    event: int  # ns; the receive time where the message has none
    levels: list[tuple[bool, str, str]]  # (is ask, price, size)
    is_snapshot: bool = False
    trade: tuple[int, bool, str, str] | None = None  # (id, is sell, price, size)
    last_id: int = 0


def said(capture: Path) -> Iterator[Said]:
    with gzip.open(capture) as file:
        for line in file:
            recv, body = int(line[:19]), json.loads(line[20:])
            data = body.get("data", body)
            if data.get("e") == "trade":
                yield Said(recv, _event(data, recv, "T"), [], trade=(data["t"], data["m"], data["p"], data["q"]))
            elif data.get("e") == "depthUpdate":
                yield Said(recv, _event(data, recv, "T", "E"), _levels(data["b"], data["a"]), last_id=data["u"])
            elif "lastUpdateId" in data:
                levels = _levels(data["bids"], data["asks"])
                yield Said(recv, _event(data, recv, "T", "E"), levels, is_snapshot=True, last_id=data["lastUpdateId"])


def joined_up(capture: Path) -> Iterator[Said]:
    """The same as a vendor's table has it: the book, then the updates that it does not hold yet, then all others."""
    held: list[Said] = []
    book: Said | None = None
    for one in said(capture):
        if one.trade is not None:
            yield one
        elif one.is_snapshot:
            book = one
            yield book
            yield from (late._replace(recv=one.recv) for late in held if late.last_id > one.last_id)
        elif book is None:
            held.append(one)
        elif one.last_id > book.last_id:
            yield one


def tardis(lines: Iterator[Said], folder: Path, exchange: str) -> tuple[Path, Path]:
    """Write the two tables: incremental books and trades; their times are µs."""
    changes, trades = [INCREMENTAL], [TRADES]
    for one in lines:
        start = f"{exchange},BTCUSDT,{one.event // 1000},{one.recv // 1000},"
        if one.trade is not None:
            number, is_sell, px, sz = one.trade
            trades.append(f"{start}{number},{'sell' if is_sell else 'buy'},{px},{sz}\n")
        flag = str(one.is_snapshot).lower()
        changes += (f"{start}{flag},{'ask' if is_ask else 'bid'},{px},{sz}\n" for is_ask, px, sz in one.levels)
    return written(folder / "changes.csv", "".join(changes)), written(folder / "trades.csv", "".join(trades))


def hftbacktest(lines: Iterator[Said], folder: Path) -> Path:
    """Write the array of events."""
    rows = []
    for one in lines:
        times = (one.event, one.recv)
        if one.trade is not None:
            _, is_sell, px, sz = one.trade
            rows.append((TRADE | _side(is_sell), *times, float(px), float(sz)))
        if one.is_snapshot:
            rows += [(CLEAR | _side(is_ask), *times, 0.0, 0.0) for is_ask in (False, True)]
        kind = SNAPSHOT if one.is_snapshot else DEPTH
        rows += [(kind | _side(is_ask), *times, float(px), float(sz)) for is_ask, px, sz in one.levels]
    array = np.array([(ev | LOCAL | EXCH, *rest, 0, 0, 0.0) for ev, *rest in rows], np.dtype(DTYPE.descr, align=True))
    np.savez_compressed(folder / "events.npz", data=array)
    return folder / "events.npz"


def _event(data: dict[str, Any], recv: int, *names: str) -> int:
    return next((data[name] * 1_000_000 for name in names if name in data), recv)


def _levels(bids: list[list[str]], asks: list[list[str]]) -> list[tuple[bool, str, str]]:
    return [(is_ask, px, sz) for is_ask, side in ((False, bids), (True, asks)) for px, sz in side]


def _side(is_sell: bool) -> int:  # noqa: FBT001 - a flag of two bits
    return SELL if is_sell else BUY
