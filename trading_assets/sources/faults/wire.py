"""What a capture line says, read one at a time with the standard library.

Belongs here: kind, clocks, ids and levels of a Binance line (spot, USD-M, COIN-M).
Does not: speed, exact reasons for refusal (raw.decoding): a line that this reader does not understand is `OTHER`.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from trading_assets.errors import NotACapture

Kind = Literal["update", "snapshot", "trade", "ticker", "other"]
Rungs = tuple[tuple[float, float], ...]

KINDS: Final[tuple[Kind, ...]] = ("update", "snapshot", "trade", "ticker")
"""Kinds that a fault may be asked to hit."""
HEAD_BYTES: Final = 20
"""Nineteen digits of receive time and a space."""
_MS: Final = 1_000_000
_NS_PER_DAY: Final = 86_400 * 10**9
_HEAD: Final = re.compile(rb"[0-9]{19} ")
_WHOLE_BOOK: Final = re.compile(r"[^@]+@(depth(@[0-9]+ms)?|trade|bookTicker)")
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_EVENTS: Final[dict[str, Kind]] = {"depthUpdate": "update", "trade": "trade", "bookTicker": "ticker"}


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says; ids are update ids, of a trade its trade id, and -1 where there are none."""

    kind: Kind
    ts_recv: int  # ns since the epoch; -1 where the line does not begin with one
    ts_event: int | None = None
    prev: int = -1  # the id that the book must have reached before: `U - 1` of spot, `pu` of futures
    first: int = -1
    last: int = -1
    is_linked: bool = False  # names its predecessor: a futures update
    bids: Rungs = ()
    asks: Rungs = ()
    symbol: str | None = None


def read(line: bytes) -> Said:
    """Read one line, with or without its line feed; what cannot be read is `other`."""
    if not _HEAD.match(line):
        return Said("other", -1)
    ts_recv = int(line[: HEAD_BYTES - 1])
    try:
        return _said(json.loads(line[HEAD_BYTES:].decode()), ts_recv)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Said("other", ts_recv)


def require_one_partition(said: Sequence[Said]) -> None:
    """Refuse lines that are not one instrument's of one UTC day.

    Raises:
        NotACapture: no line can be read, or they are of several instruments or days.
    """
    readable = [message for message in said if message.kind != "other"]
    if not readable:
        raise NotACapture("no line is a message of a supported venue: damage a Binance recording")
    symbols = sorted({message.symbol for message in readable if message.symbol is not None})
    if len(symbols) > 1:
        raise NotACapture(f"lines of several instruments ({', '.join(symbols[:5])}): damage one instrument at a time")
    days = {message.ts_recv // _NS_PER_DAY for message in readable}
    if len(days) > 1:
        raise NotACapture("lines of several UTC days: damage one day at a time")


def _said(document: Any, ts_recv: int) -> Said:  # noqa: ANN401 - any JSON
    message = document
    if document.keys() == {"stream", "data"}:
        if not _WHOLE_BOOK.fullmatch(document["stream"]):
            return Said("other", ts_recv)
        message = document["data"]
    if "lastUpdateId" in message:
        at = _id(message["lastUpdateId"])
        bids, asks = _rungs(message["bids"]), _rungs(message["asks"])
        return Said("snapshot", ts_recv, _event(message), at, at, at, bids=bids, asks=asks)
    kind = _EVENTS.get(message["e"], "other") if "e" in message else _bare(message)
    return _READERS[kind](message, ts_recv) if kind != "other" else Said("other", ts_recv)


def _bare(message: Any) -> Kind:  # noqa: ANN401 - any JSON
    return "ticker" if message.keys() >= set("usbBaA") else "other"


def _update(message: Any, ts_recv: int) -> Said:  # noqa: ANN401 - any JSON
    first, last, is_linked = _id(message["U"]), _id(message["u"]), "pu" in message
    prev = _id(message["pu"]) if is_linked else first - 1
    bids, asks = _rungs(message["b"]), _rungs(message["a"])
    return Said("update", ts_recv, _event(message), prev, first, last, is_linked, bids, asks, message["s"])


def _trade(message: Any, ts_recv: int) -> Said:  # noqa: ANN401 - any JSON
    if message.get("X", "MARKET") != "MARKET":  # a take-over by the insurance fund, no trade
        return Said("other", ts_recv)
    trade_id = _id(message["t"])
    _number(message["p"])
    _number(message["q"])
    return Said("trade", ts_recv, _event(message), trade_id - 1, trade_id, trade_id, symbol=message["s"])


def _ticker(message: Any, ts_recv: int) -> Said:  # noqa: ANN401 - any JSON
    at = _id(message["u"])
    for name in "bBaA":
        _number(message[name])
    return Said("ticker", ts_recv, _event(message), at, at, at, symbol=message["s"])


_READERS: Final = {"update": _update, "trade": _trade, "ticker": _ticker}


def _event(message: Any) -> int | None:  # noqa: ANN401 - any JSON
    ms = message.get("T", message.get("E"))
    return None if ms is None else _id(ms) * _MS


def _rungs(levels: Any) -> Rungs:  # noqa: ANN401 - any JSON
    return tuple((_number(px), _number(sz)) for px, sz in levels)


def _number(text: Any) -> float:  # noqa: ANN401 - any JSON
    """Read a decimal; equal decimals are equal floats, however many zeros they end in."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _id(value: Any) -> int:  # noqa: ANN401 - any JSON
    if type(value) is not int:
        raise TypeError(value)
    return value
