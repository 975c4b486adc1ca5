"""What is to be done with depth messages, and what became of each: the words between sequence, book and ledger.

Belongs here: kinds of steps, fates of messages, causes of breaks, and the records that hold them.
Does not: deciding them (sequence).
"""

from typing import Final, NamedTuple

import numpy as np

from trading_assets.raw.messages import Int8s, Int64s
from trading_assets.raw.rebuilding.stream import Stream

NOWHERE: Final = np.iinfo(np.int64).min
"""The id of a book that has seen no snapshot, and the time of what has not happened."""

UPDATE: Final = 0  # lay the levels over the book
LAY: Final = 1  # a snapshot of a book that is in sequence: replace what it covers, keep what lies deeper
REPLACE: Final = 2  # a snapshot of a book that is not: replace everything
MARK: Final = 3  # the message waits; until it is applied the book is behind

APPLIED: Final = 0
BEFORE_SNAPSHOT: Final = 1
OUT_OF_SEQUENCE: Final = 2
STALE: Final = 3
UNUSED_SNAPSHOT: Final = 4
DUPLICATE: Final = 5
FATES: Final = ("applied", "before_snapshot", "out_of_sequence", "stale", "unused_snapshot", "duplicate")

NO_SNAPSHOT: Final = 0
SEQUENCE_GAP: Final = 1
RESYNC: Final = 2
CAUSES: Final = ("no_snapshot", "sequence_gap", "resync")


class Steps(NamedTuple):
    """What to do, in order: `s` steps over the messages of a window."""

    message: Int64s  # [s] index of the message
    kind: Int8s  # [s] UPDATE, LAY, REPLACE or MARK
    ts: Int64s  # [s] when it could be done: ns since the epoch, never falling


class Breaks(NamedTuple):
    """`g` times at which the book was behind the venue."""

    cause: Int64s  # [g] NO_SNAPSHOT, SEQUENCE_GAP or RESYNC
    start: Int64s  # [g] ns: the last good step before
    known: Int64s  # [g] ns: the arrival that revealed it
    end: Int64s  # [g] ns: the book is good again; NOWHERE while it is not
    before: Int64s  # [g] last good id; NOWHERE before any snapshot
    after: Int64s  # [g] first id after it


class Window(NamedTuple):
    """What a window of messages does to the book.

    `fates` and `used` count lines, and may take back what an earlier window counted of a message that had to wait.
    """

    messages: Stream  # those of the window, after those of earlier windows that may still be used
    steps: Steps
    breaks: Breaks  # that are over
    fates: Int64s  # [6] lines by what became of them, in the order of FATES
    n_snapshots: int  # of the applied lines, those of snapshots
    n_begun_anew: int  # snapshots of the stream that began the book anew
    n_marks: int  # lines that are marks
