"""The account of what was done: faults, the messages they touched, the lines that nobody can read any more.

Belongs here: records. Does not: making them (damage), the ledger that must follow (expected).
"""

from dataclasses import dataclass

from trading_assets.sources.faults.request import FaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A message that a fault touched. Lines count from 0; what it lost, or never had, is None."""

    line_in: int
    line_out: int | None
    ts_recv_in: int
    ts_recv_out: int | None
    seq_first: int | None  # update ids, of a trade its trade id
    seq_last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what it was, and every message it touched."""

    kind: FaultKind
    messages: str
    detail: str
    touched: tuple[Touched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A line of the output that no decoder can read; `offset` counts bytes of the uncompressed output."""

    line_no: int
    offset: int
    n_bytes: int
    reason: str
