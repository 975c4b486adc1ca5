"""The lines that a file of another format is turned into when it is imported: books and trades in one plain form.

Belongs here: the form, in both directions, and the texts that a fast decoder may read.
Does not: other formats (sources).

A capture keeps a venue's messages as received. A table of a data vendor has no such messages, so an importer writes

    {"interchange":"snapshot","ts_event":1,"bids":[["10.5","1"]],"asks":[]}    the whole book
    {"interchange":"update","ts_event":1,"bids":[["10.5","0"]],"asks":[]}      sizes to set; 0 removes the price
    {"interchange":"trade","ts_event":1,"id":7,"px":"10.5","sz":"1","side":"buy"}
    {"interchange":"source","format":"lobster","lacks":["trades"]}             what the file was, and cannot say
    {"interchange":"resumed","at":7}, {"interchange":"paused","at":9}          see `wire.Mark`

with times in ns since the epoch. `ts_event`, `id` and `side` are null where the format has none. Such updates have no
ids: the stream is what the file says it is.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from trading_assets.venues.rules import Rule
from trading_assets.venues.wire import (
    INT64_MAX,
    Depth,
    Ignored,
    Mark,
    Reason,
    Record,
    Template,
    Trade,
    field,
    integer,
    levels,
    positive,
    refuse,
    text,
)

Texts = Sequence[tuple[str, str]]
"""Levels as (price, size), each a decimal number as text."""

KIND: Final = "interchange"
MARK_START: Final = b'{"interchange":'
"""How each of these lines begins after its receive time, and no line of a venue does."""
RULE: Final = Rule(updates="none")
"""How such lines join up: they do, in the order of arrival."""

_SIDES: Final[Mapping[object, bool | None]] = {"buy": False, "sell": True, None: None}


def read(message: Mapping[str, object]) -> Record:
    """Turn one parsed message of this form into a record.

    Raises:
        Malformed: the message is damaged or of no kind listed above.
    """
    match text(message, KIND):
        case "update" | "snapshot" as kind:
            return _depth(message, is_snapshot=kind == "snapshot")
        case "trade":
            return _trade(message)
        case "resumed":
            return Mark(integer(message, "at"), None)
        case "paused":
            return Mark(None, integer(message, "at"))
        case "source":
            return Ignored("source")
        case _:
            return refuse(Reason.UNKNOWN_MESSAGE)


def depth_line(ts_event: int | None, bids: Texts, asks: Texts, *, is_snapshot: bool) -> str:
    """Write a book or an update; levels are (price, size) as decimal texts."""
    kind = "snapshot" if is_snapshot else "update"
    return _line({KIND: kind, "ts_event": ts_event, "bids": bids, "asks": asks})


def trade_line(ts_event: int, trade_id: int | None, px: str, sz: str, *, side: str | None) -> str:
    """Write a trade; `side` is the aggressor's, `buy` or `sell`, None where it is not known."""
    return _line({KIND: "trade", "ts_event": ts_event, "id": trade_id, "px": px, "sz": sz, "side": side})


def source_line(source_format: str, lacks: Sequence[str]) -> str:
    """Write what a file was and what it cannot say."""
    return _line({KIND: "source", "format": source_format, "lacks": list(lacks)})


def mark_line(mark: Mark) -> str:
    """Write a mark."""
    if mark.resumed_at is not None:
        return _line({KIND: "resumed", "at": mark.resumed_at})
    return _line({KIND: "paused", "at": mark.paused_at})


def _line(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _time(message: Mapping[str, object]) -> int | None:
    if field(message, "ts_event") is None:
        return None
    ts = integer(message, "ts_event")
    return ts if 0 < ts <= INT64_MAX else refuse(Reason.OUT_OF_RANGE)


def _depth(message: Mapping[str, object], *, is_snapshot: bool) -> Depth:
    return Depth(
        is_snapshot=is_snapshot,
        ts_event=_time(message),
        seq_first=None,
        seq_last=None,
        seq_prev=None,
        bids=levels(message, "bids"),
        asks=levels(message, "asks"),
    )


def _trade(message: Mapping[str, object]) -> Record:
    ts_event, side = _time(message), field(message, "side")
    if not (side is None or isinstance(side, str)) or side not in _SIDES:
        refuse(Reason.WRONG_TYPE)
    return Trade(
        ts_event=refuse(Reason.WRONG_TYPE) if ts_event is None else ts_event,
        trade_id=None if field(message, "id") is None else integer(message, "id"),
        px=positive(field(message, "px")),
        sz=positive(field(message, "sz")),
        is_sell=_SIDES[side],
    )


_TRADE: Final = '{"interchange":"trade","ts_event":<ns>,"id":%s,"px":"<px>","sz":"<traded_sz>","side":%s}'
TEMPLATES: Final = (
    Template("update", '{"interchange":"update","ts_event":<ns>,"bids":<bids>,"asks":<asks>}'),
    Template("snapshot", '{"interchange":"snapshot","ts_event":<ns>,"bids":<bids>,"asks":<asks>}'),
    Template("update", '{"interchange":"update","ts_event":null,"bids":<bids>,"asks":<asks>}'),
    Template("snapshot", '{"interchange":"snapshot","ts_event":null,"bids":<bids>,"asks":<asks>}'),
    *(
        Template("trade", _TRADE % (trade_id, f'"{side}"' if side else "null"), is_sell=_SIDES[side])
        for trade_id in ("<trade_id>", "null")
        for side in ("buy", "sell", None)
    ),
)
