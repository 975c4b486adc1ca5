"""Where the lines of a chunk begin and when each was received, for all lines at once.

Belongs here: what can be told from a line's first twenty bytes.
Does not: the message after them (origins, and the decoders of raw).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]

UNREADABLE: Final = -1
"""Marks a line that does not begin with nineteen digits and a space."""
NS_PER_DAY: Final = 86_400 * 10**9

_DIGITS: Final = 19  # nanoseconds since the epoch, from September 2001 to the end of int64 in 2262
_SPACE: Final = 32
_POWERS: Final = 10 ** np.arange(_DIGITS - 1, -1, -1, dtype=np.uint64)


def line_starts(chunk: bytes) -> Int64s:
    """Return where the `n` lines begin, and the chunk's length: `n + 1` rising offsets."""
    ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + 1
    if chunk and not chunk.endswith(b"\n"):
        ends = np.append(ends, len(chunk))
    return np.concatenate([np.zeros(1, np.int64), ends.astype(np.int64)])


def receive_times(chunk: bytes, starts: Int64s) -> Int64s:
    """Return each line's receive time in ns since the epoch, `UNREADABLE` where it has none: `[n]`."""
    long_enough = np.flatnonzero(np.diff(starts) > _DIGITS)  # bounds memory when a chunk is all line feeds
    heads = _heads(chunk, starts[long_enough])
    digits = heads[:, :_DIGITS] - ord("0")  # wraps around below "0", so one comparison finds every non-digit
    times = digits.astype(np.uint64) @ _POWERS
    is_time = (digits <= 9).all(axis=1) & (heads[:, _DIGITS] == _SPACE)  # noqa: PLR2004 - the digit nine
    is_time &= times <= np.uint64(np.iinfo(np.int64).max)
    result = np.full(len(starts) - 1, UNREADABLE, np.int64)
    result[long_enough[is_time]] = times[is_time]
    return result


def filled_forward(values: Int64s, before: int) -> Int64s:
    """Replace each `UNREADABLE` by the last value before it, or by `before` where there is none."""
    at = np.where(values == UNREADABLE, UNREADABLE, np.arange(len(values)))
    last = np.maximum.accumulate(at) if len(at) else at
    return np.where(last == UNREADABLE, before, values[last])


def _heads(chunk: bytes, starts: Int64s) -> NDArray[np.uint8]:
    """Copy out the first twenty bytes of lines that have as many: `[n, 20]`."""
    if not len(starts):
        return np.zeros((0, _DIGITS + 1), np.uint8)
    return np.lib.stride_tricks.sliding_window_view(np.frombuffer(chunk, np.uint8), _DIGITS + 1)[starts]
