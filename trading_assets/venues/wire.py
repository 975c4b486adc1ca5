"""What a venue file and the decoders say to each other: records, reasons for refusal, the number grammar.

Belongs here: what every venue shares. Does not: one venue's field names (its own file), nor capture lines (raw).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple, NoReturn

INT64_MAX: Final = 2**63 - 1
MAX_DIGITS: Final = 18
"""Significant digits of a price or size: with as many, a mantissa always fits int64."""
MAX_DECIMALS: Final = 12
MAX_NUMBER_CHARS: Final = 32
NS_PER_MS: Final = 1_000_000
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")


class Reason(StrEnum):
    """Why a line is a dead letter. The texts are stored and counted: they do not change."""

    EMPTY = "empty line"
    OVERLONG = "line too long"
    NO_RECEIVE_TIME = "no receive time"
    RECEIVE_TIME = "receive time out of range"
    NOT_UTF8 = "not UTF-8"
    NOT_JSON = "not JSON"
    TOO_DEEP = "nested too deep"
    DUPLICATE_KEY = "duplicate key"
    UNKNOWN_MESSAGE = "unknown message"
    MISSING_FIELD = "missing field"
    WRONG_TYPE = "wrong type"
    WRONG_SYMBOL = "wrong symbol"
    WRONG_MARKET = "wrong market"
    NOT_A_NUMBER = "not a decimal number"
    OUT_OF_RANGE = "number out of range"
    NEGATIVE = "negative number"
    ZERO = "zero price or trade size"
    IDS_OUT_OF_ORDER = "last update id before first"
    OFF_TICK = "price off the tick"


class Malformed(Exception):
    """A line is refused; the decoder that catches it makes a dead letter."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class JsonInteger(str):
    """The text of a JSON number without fraction or exponent, kept exact."""

    __slots__ = ()


class JsonReal(str):
    """The text of any other JSON number."""

    __slots__ = ()


class Number(NamedTuple):
    """`mantissa * 10 ** -decimals`, without trailing zeros in the fraction, so that equal values are equal."""

    mantissa: int
    decimals: int


Level = tuple[Number, Number]


@dataclass(frozen=True, slots=True)
class Depth:
    """A depth update or a whole book; the fields are those of `BookMessages`, None where the message has none."""

    is_snapshot: bool
    ts_event: int | None
    seq_first: int | None
    seq_last: int | None
    seq_prev: int | None
    bids: Sequence[Level]
    asks: Sequence[Level]
    seq_ticker: int | None = None
    max_levels: int | None = None
    checksum: int | None = None
    places: tuple[int, int] = (0, 0)
    """Decimals that prices and sizes are printed with, zeros included: what a checksum is made over."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade; the fields are those of `TradeMessages`, None where the message has none."""

    ts_event: int
    trade_id: int | None
    px: Number
    sz: Number
    is_sell: bool | None


@dataclass(frozen=True, slots=True)
class Ticker:
    """The venue's best bid and ask; the fields are those of `TickerMessages`, a side None where it is not said."""

    seq: int | None
    bid: Level | None
    ask: Level | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What was known of a connection's numbering when its lines were split by instrument.

    From the line after a mark with `resumed_at` on, nothing was lost since the line of that number; a mark with
    `paused_at` says that nothing was lost up to that number, and nothing of what comes after it.
    """

    resumed_at: int | None
    paused_at: int | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A sound message of a kind that nothing here reads."""

    kind: str


Record = Depth | Trade | Ticker | Mark | Ignored
Records = Record | Sequence[Record]
"""What one line says: one record, or several of one kind."""


TemplateKind = Literal["update", "snapshot", "trade", "ticker"]


class Template(NamedTuple):
    """A message exactly as the venue prints it, with `<holes>` for what varies.

    It may match less than the venue's reader accepts, never more, and must say the same. The names of the holes are
    those of `raw.decoding.template`.
    """

    kind: TemplateKind
    text: str
    is_sell: bool | None = None
    """The aggressor's side, where the text itself says it."""
    max_levels: int = 0
    """Levels a side that the subscription shows, where the text itself says it; 0 is all."""


def refuse(reason: Reason) -> NoReturn:
    """Make the line at hand a dead letter.

    Raises:
        Malformed: always.
    """
    raise Malformed(reason)


def field(message: Mapping[str, object], key: str) -> object:
    """Return a required field, or refuse the line."""
    return message[key] if key in message else refuse(Reason.MISSING_FIELD)


def text(message: Mapping[str, object], key: str) -> str:
    """Return a required string field, or refuse the line."""
    value = field(message, key)
    return value if type(value) is str else refuse(Reason.WRONG_TYPE)


def flag(message: Mapping[str, object], key: str) -> bool:
    """Return a required boolean field, or refuse the line."""
    value = field(message, key)
    return value if isinstance(value, bool) else refuse(Reason.WRONG_TYPE)


def integer(message: Mapping[str, object], key: str) -> int:
    """Return a required JSON integer in [0, 2 ** 63), or refuse the line."""
    value = field(message, key)
    if not isinstance(value, JsonInteger):
        refuse(Reason.WRONG_TYPE)
    if value.startswith("-"):
        refuse(Reason.NEGATIVE)
    number = int(value) if len(value) <= len(str(INT64_MAX)) else INT64_MAX + 1
    return number if number <= INT64_MAX else refuse(Reason.OUT_OF_RANGE)


def time_ms(message: Mapping[str, object], key: str) -> int:
    """Return a required time, sent in ms since the epoch, as positive ns; or refuse the line."""
    ts = integer(message, key) * NS_PER_MS
    return ts if 0 < ts <= INT64_MAX else refuse(Reason.OUT_OF_RANGE)


def size(value: object) -> Number:
    """Read a decimal in a string, `0.00100000` as 1 with 3 decimals, or refuse the line."""
    if type(value) is not str:
        refuse(Reason.WRONG_TYPE)
    if len(value) > MAX_NUMBER_CHARS:
        refuse(Reason.OUT_OF_RANGE)
    match = _NUMBER.fullmatch(value)
    if match is None:
        refuse(Reason.NEGATIVE if _NUMBER.fullmatch(value.removeprefix("-")) else Reason.NOT_A_NUMBER)
    fraction = (match[2] or "").rstrip("0")
    digits = (match[1] + fraction).lstrip("0")
    if len(digits) > MAX_DIGITS or len(fraction) > MAX_DECIMALS:
        refuse(Reason.OUT_OF_RANGE)
    return Number(int(digits or "0"), len(fraction))


def positive(value: object) -> Number:
    """Read a decimal in a string that must not be zero: a price, or the size of a trade."""
    number = size(value)
    return number if number.mantissa else refuse(Reason.ZERO)


def levels(message: Mapping[str, object], key: str) -> list[Level]:
    """Read `[["price", "size"], ...]`, or refuse the line."""
    value = field(message, key)
    return [_level(rung) for rung in value] if isinstance(value, list) else refuse(Reason.WRONG_TYPE)


def _level(rung: object) -> Level:
    if not isinstance(rung, list) or len(rung) != len(("price", "size")):
        refuse(Reason.WRONG_TYPE)
    return positive(rung[0]), size(rung[1])
