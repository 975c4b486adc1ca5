"""How a venue numbers what it sends, as far as following its stream depends on it.

Belongs here: the words in which a venue's rule is written down. Does not: the rule of one venue (its own file), nor
following a stream by it (raw/rebuilding).
"""

from dataclasses import dataclass
from typing import Literal

Numbering = Literal["previous", "consecutive", "none"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How updates, snapshots and trades of a venue join up.

    - `updates`: an update names its predecessor, or ids are consecutive, or there are no ids: such a stream is unbroken
      until a mark, a checksum or a snapshot in the midst of it says otherwise.
    - `may_overlap`: an update may begin before the book's id, not only just after a snapshot.
    - `is_snapshot_in_stream`: a snapshot is sent in the stream and begins the book anew, whatever its id; else it is
      asked for beside the stream, and joins it by its id.
    - `are_trades_consecutive`: a trade id that is skipped is a trade that was lost.
    - `is_ticker_between`: a ticker's number lies among those of updates and is seldom one of them. It then speaks of a
      side whose best price is the same before and after it, and of the price alone: sizes are sent in other steps.
    - `ticker_lag_ns`: how long before its arrival such a ticker may have been true.
    """

    updates: Numbering
    may_overlap: bool = False
    is_snapshot_in_stream: bool = True
    are_trades_consecutive: bool = False
    is_ticker_between: bool = False
    ticker_lag_ns: int = 0
