"""How a venue's update ids join up.

Belongs here: the rule of each venue. Does not: following a stream by it (sequence).
"""

from dataclasses import dataclass
from typing import Final

from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import Instrument
from trading_assets.raw.messages import BookMessages, Int64s


@dataclass(frozen=True, slots=True)
class SequenceRule:
    """How a venue's update ids join up."""

    names_previous: bool  # an update names its predecessor (`pu`); else ids are consecutive
    may_overlap: bool  # an update may begin before the book's id, not only just after a snapshot

    def previous(self, book: BookMessages) -> Int64s:
        """Return for each message the id that the book must have reached before it."""
        return book.seq_prev if self.names_previous else book.seq_first - 1


SPOT: Final = SequenceRule(names_previous=False, may_overlap=True)
FUTURES: Final = SequenceRule(names_previous=True, may_overlap=False)
RULES: Final = {"BINANCE": SPOT, "BINANCE_USDM": FUTURES, "BINANCE_COINM": FUTURES}


def rule_of(instrument: Instrument) -> SequenceRule:
    """Find the rule of an instrument's venue.

    Raises:
        InvalidIdentifier: the venue has none; the message lists those that have.
    """
    if instrument.venue not in RULES:
        raise InvalidIdentifier(f"{instrument}: no sequence rule for its venue; known are {', '.join(sorted(RULES))}")
    return RULES[instrument.venue]
