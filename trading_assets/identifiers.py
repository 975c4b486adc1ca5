"""The one parser of instrument ids, days and partition keys, used at every door.

Belongs here: what may name an instrument, a day or a partition.
Does not: whether such a partition exists (storage) or is expected (orchestration).
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from trading_assets.errors import InvalidIdentifier

MAX_LENGTH: Final = 64
_INSTRUMENT: Final = re.compile(r"(?P<symbol>[A-Za-z0-9][A-Za-z0-9_-]*)\.(?P<venue>[A-Z0-9_]+)", re.ASCII)
_ASSET: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Instrument:
    """A market: the symbol as the venue spells it, and the venue naming its market."""

    symbol: str
    venue: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `{symbol}.{venue}`, such as `BTCUSDT.BINANCE_USDM`.

        Raises:
            InvalidIdentifier: the text is not on the allow-list.
        """
        match = _INSTRUMENT.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if match is None:
            raise InvalidIdentifier(
                f"{_shown(text)} is not an instrument id: write SYMBOL.VENUE, such as BTCUSDT.BINANCE "
                f"(letters, digits, '_' and '-', at most {MAX_LENGTH} characters)"
            )
        return cls(match["symbol"], match["venue"])

    def __str__(self) -> str:
        return f"{self.symbol}.{self.venue}"


def parse_day(text: str) -> date:
    """Parse a UTC day, `YYYY-MM-DD` and nothing else.

    Raises:
        InvalidIdentifier: the text is not such a day.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidIdentifier(f"{_shown(text)} is not a day: write YYYY-MM-DD, such as 2024-08-08")


def parse_asset(text: str) -> str:
    """Return an asset's name, as it is given, if it can be one.

    Raises:
        InvalidIdentifier: the text is not on the allow-list.
    """
    if len(text) <= MAX_LENGTH and _ASSET.fullmatch(text):
        return text
    raise InvalidIdentifier(
        f"{_shown(text)} is not an asset's name: small letters, digits and '_', such as book_features"
    )


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One UTC day of one instrument: the unit that is audited, published and read."""

    day: date
    instrument: Instrument

    @classmethod
    def parse(cls, key: str) -> Self:
        """Parse `day|instrument`, Dagster's multi-partition key.

        Raises:
            InvalidIdentifier: the key is not of that form.
        """
        day, bar, instrument = key.partition("|")
        if not bar:
            raise InvalidIdentifier(
                f"{_shown(key)} is not a partition: write DAY|INSTRUMENT, such as 2024-08-08|BTCUSDT.BINANCE"
            )
        return cls(parse_day(day), Instrument.parse(instrument))

    def on(self, day: date) -> "Partition":
        """Return the same instrument's partition of another day."""
        return Partition(day, self.instrument)

    def __str__(self) -> str:
        return f"{self.day}|{self.instrument}"


def _shown(text: str) -> str:
    """Quote hostile text so that it fits on one line of a terminal."""
    shown = text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."
    return ascii(shown)
