"""From the words of a command line to instruments, days and steps.

Belongs here: parsing that several commands share. Does not: the identifiers' own rules (identifiers).
"""

from datetime import date
from decimal import Decimal
from typing import Final

from trading_assets.cli.terminal import visible
from trading_assets.errors import InvalidIdentifier, InvalidSettings
from trading_assets.identifiers import MAX_LENGTH, Instrument, parse_day

MAX_DIGITS: Final = 18
"""So that the catalogue can hold it."""


def parse_markets(names: list[str] | None) -> list[Instrument] | None:
    """Parse repeated `--instrument` options, each once; None where there is none."""
    return [Instrument.parse(name) for name in dict.fromkeys(names)] if names else None


def parse_window(start: str | None, end: str | None) -> tuple[date, date]:
    """Parse `--start` and `--end`; without them all of time."""
    first = date.min if start is None else parse_day(start)
    last = date.max if end is None else parse_day(end)
    if first > last:
        raise InvalidIdentifier(f"--start {first} is after --end {last}")
    return first, last


def parse_ticket(text: str) -> int:
    """Parse a ticket's number."""
    if text.isascii() and text.isdecimal() and len(text) < MAX_DIGITS:
        return int(text)
    raise InvalidIdentifier(f"{visible(text, limit=MAX_LENGTH)!a} is not a ticket: write its number, such as 17")


def parse_step(option: str, text: str | None) -> Decimal | None:
    """Parse a tick or lot size; None where it was not given."""
    from trading_assets.raw.decoding.scale import Step  # noqa: PLC0415 - NumPy is not needed for --help

    if text is None:
        return None
    try:
        size = Decimal(text)
        Step.of(size)
    except (ArithmeticError, InvalidSettings):
        shown = ascii(visible(text, limit=MAX_LENGTH))
        raise InvalidIdentifier(
            f"{option} {shown}: write a positive number of at most 12 decimals, such as 0.01"
        ) from None
    return size
