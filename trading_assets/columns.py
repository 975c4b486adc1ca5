"""What every published column holds, and in which unit, in words for people.

A name means the same in every table, so the words depend on the name alone.

Belongs here: the words about the columns of schema.py. Does not: those about features, which are the docstrings of the
features (features/dictionary.py); names and dtypes (schema.py).
"""

import inspect
from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from trading_assets import schema
from trading_assets.features.dictionary import described
from trading_assets.features.registry import REGISTRY
from trading_assets.settings import Settings


class Meaning(NamedTuple):
    """What a column holds."""

    text: str
    unit: str
    """What its values count, or what they are one of."""
    which: str = ""
    """Which of the columns with this text it is: level, window."""

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.text}{f' ({self.which})' if self.which else ''} [{self.unit}]"


_TIME: Final = "UTC, ns"
_PRICE: Final = "quote currency"
_SIZE: Final = "base currency; contracts on COIN-M"
_ID: Final = "id of an update; of a trade_gap, of a trade"

_OF_SCHEMA: Final = {
    schema.TS_EVENT: Meaning("When it happened by the venue's clock; null where the message does not say", _TIME),
    schema.TS_RECV: Meaning("From when it could be known, by the recorder's clock; of a book row never falling", _TIME),
    schema.TS_GRID: Meaning("The tick: the row is made of what had been received by then", _TIME),
    schema.SEQ_FIRST: Meaning("First update of the venue that the row's message holds", "id of an update"),
    schema.SEQ_LAST: Meaning("Last update of the venue that the row's message holds", "id of an update"),
    schema.IS_VALID: Meaning("Whether the book is known: nothing is missing and it is not crossed", "true, false"),
    schema.TRADE_ID: Meaning("The venue's number of the trade, rising", "id of a trade"),
    schema.PX: Meaning("Price of the trade", _PRICE),
    schema.SZ: Meaning("Size of the trade", _SIZE),
    schema.AGGRESSOR_SIDE: Meaning("Side of the order that met a resting one", "buy, sell"),
    schema.TS_START: Meaning("Last good message before the gap: since when something may be missing", _TIME),
    schema.TS_KNOWN: Meaning("The message that revealed the gap: since when it could be known", _TIME),
    schema.TS_END: Meaning("From when all is known again; null while it is not", _TIME),
    schema.SEQ_BEFORE: Meaning("Last good one before the gap; null where there is none", _ID),
    schema.SEQ_AFTER: Meaning("First good one after the gap; null where there is none", _ID),
    schema.CAUSE: Meaning("Why there is a gap", ", ".join(schema.GAP_CAUSES)),
    schema.LINE_NO: Meaning("Which line of the capture it is", "lines, the first is 0"),
    schema.OFFSET: Meaning("Where the line begins in the unpacked capture", "bytes"),
    schema.N_BYTES: Meaning("Length of the whole line", "bytes"),
    schema.REASON: Meaning("Why the line could not be decoded", "words"),
    schema.RAW: Meaning("The line as received, at most its first 64 KiB", "bytes"),
    schema.MODEL_VERSION: Meaning("The model that made the forecast", "md5 of its document"),
}
_OF_FIELD: Final[Mapping[schema.Field, Meaning]] = {
    "px": Meaning("Price of a level of the {side} side, the best is 0; null where the book has fewer levels", _PRICE),
    "sz": Meaning("Size resting on a level of the {side} side; null where the book has fewer levels", _SIZE),
}


def meanings(settings: Settings) -> dict[str, Meaning]:
    """Say of every column that these settings lead to what it holds and in which unit."""
    return {**_OF_SCHEMA, **_of_levels(settings.book.depth), **_of_features(settings), **_of_horizons(settings)}


def in_short(dtype: pl.DataType) -> str:
    """Write a dtype for people; the values of an enumeration are told as its unit."""
    if isinstance(dtype, pl.Datetime):
        return f"Datetime({dtype.time_unit}, {dtype.time_zone})"
    return "Enum" if isinstance(dtype, pl.Enum) else str(dtype)


def _of_levels(depth: int) -> dict[str, Meaning]:
    return {
        schema.level(side, field, n): Meaning(said.text.format(side=side), said.unit, f"level {n}")
        for n in range(depth)
        for side in schema.SIDES
        for field, said in _OF_FIELD.items()
    }


def _of_features(settings: Settings) -> dict[str, Meaning]:
    units = {"price": _PRICE, "size": _SIZE, "bps": "basis points"}
    found = {}
    for feature in REGISTRY:
        words = described(feature)
        parameters = inspect.signature(feature.build).parameters
        for arguments in feature.arguments(settings.features):
            name = feature.build(*arguments).meta.output_name()
            given = [f"{p} {getattr(a, 'name', a)}" for p, a in zip(parameters, arguments, strict=True)]
            unit = units.get(words["Unit"], words["Unit"])
            found[name] = Meaning(words["Meaning"].rstrip("."), unit, ", ".join(given))
    return found


def _of_horizons(settings: Settings) -> dict[str, Meaning]:
    found = {}
    for seconds in settings.labels.horizons_s:
        ahead, flat = f"from the tick to {seconds:g} s after it", f"{settings.labels.flat_bps:g} bps"
        found[schema.ret_fwd_bps(seconds)] = Meaning(f"Return of the mid {ahead}; null where not known", "basis points")
        found[schema.class_fwd(seconds)] = Meaning(f"Direction of the mid {ahead}; 0 is within {flat}", "-1, 0, 1")
        found[schema.forecast_bps(seconds)] = Meaning(f"Expected return of the mid {ahead}", "basis points")
    return found
