"""What every importer of other people's files offers, so that landing them never asks which one it is.

Belongs here: the interface, and the words in which a file says what it lacks. Does not: any one format.

A format is one module. It names a `Format`, whose `open` gives a `Reading`: the file as interchange lines (see
`trading_assets.venues.interchange`), which land, decode and pass the gates like a venue's own messages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from trading_assets.identifiers import Instrument

Block = tuple[Instrument, bytes]
"""Whole lines of one instrument, in the order of the file; each begins with a receive time of nineteen digits."""


class Lack(StrEnum):
    """What a file cannot say. The texts are stored in captures: they do not change."""

    ARRIVAL_TIMES = "arrival times"
    BOOKS = "books"
    UPDATES = "updates"
    UPDATE_IDS = "update ids"
    TRADES = "trades"
    TRADE_IDS = "trade ids"


@dataclass(frozen=True, slots=True)
class Ask:
    """What the user says of a file, and the limits it is read with."""

    instrument: Instrument | None
    """Whose it is, where the file does not say, or another instrument than it says."""
    max_line_bytes: int


class Reading(Protocol):
    """One file being read, once and in order. What it found out is said afterwards."""

    @property
    def source(self) -> str:
        """What the file was: the format's name, and what tells its books from others of the format."""
        ...

    @property
    def lacks(self) -> Sequence[Lack]:
        """What the file cannot say."""
        ...

    @property
    def damage(self) -> str | None:
        """Why what was read is not all that the file should hold, in one sentence, or None."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What else there is to say of the file, a sentence each."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield the file's lines in bounded memory.

        Raises:
            NotACapture: the file is not of the format after all, or it cannot be told whose lines it holds.
        """
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        name: what `--format` calls it.
        document: where its vendor describes it.
        recognises: tells from a path and the first few KiB (decompressed) whether a file is of this kind.
        open: begins to read a file of which the same few KiB are known; may raise `NotACapture`.
    """

    name: str
    document: str
    recognises: Callable[[Path, bytes], bool]
    open: Callable[[Path, bytes, Ask], Reading]
