"""Times and random ids as text, read by compiled code: a subset of what `venues.clocks` reads, and equal to it.

Belongs here: loops over bytes. Does not: what a line says (scan), or any judgement: what is not plain is `UNSURE`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.compiled import Int, compiled

Bytes = NDArray[np.uint8]

UNSURE: Final = -1
_NS_PER_S: Final = 10**9
_NS_DIGITS: Final = 9
_SECONDS_PER_DAY: Final = 86_400
_LAST_SECOND: Final = 9_223_372_035
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2261
_FEBRUARY: Final = 2
_MONTHS: Final = 12
_LEAPS_BEFORE: Final = 1969 // 4 - 1969 // 100 + 1969 // 400
"""Leap years before the epoch's year."""
_DAYS: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_DAYS_BEFORE: Final = np.concatenate([[0], np.cumsum(_DAYS)])
_HOURS: Final = 24
_SIXTY: Final = 60
_UUID_CHARS: Final = 36
_DASHES: Final = (8, 13, 18, 23)
_ZERO, _NINE, _DOT, _DASH, _COLON, _T, _Z, _A, _F = b"09.-:TZaf"


@compiled
def seconds(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read `1582905486.493008`; return where it ends and the time in ns, or `UNSURE`."""
    start, value = here, np.int64(0)
    while _ZERO <= data[here] <= _NINE and value <= _LAST_SECOND:
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or data[start] == _ZERO or value > _LAST_SECOND or data[here] != _DOT:
        return UNSURE, np.int64(0)
    here, ns = _fraction(data, here + 1)
    return here, value * _NS_PER_S + ns


@compiled
def clock(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read `2026-08-09T21:05:48.228568804Z`; return where it ends and the time in ns, or `UNSURE`."""
    here, year = _digits(data, here, 4, _DASH)
    here, month = _digits(data, here, 2, _DASH)
    here, day = _digits(data, here, 2, _T)
    here, hour = _digits(data, here, 2, _COLON)
    here, minute = _digits(data, here, 2, _COLON)
    here, second = _digits(data, here, 2, 0)
    if here == UNSURE or not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= _MONTHS and day >= 1):
        return UNSURE, np.int64(0)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS[month - 1] + (is_leap and month == _FEBRUARY) or hour >= _HOURS:
        return UNSURE, np.int64(0)
    if minute >= _SIXTY or second >= _SIXTY:
        return UNSURE, np.int64(0)
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400 - _LEAPS_BEFORE
    days = (year - _FIRST_YEAR) * 365 + leaps + _DAYS_BEFORE[month - 1] + day - 1
    days += is_leap and month > _FEBRUARY
    ts = (days * _SECONDS_PER_DAY + (hour * _SIXTY + minute) * _SIXTY + second) * _NS_PER_S
    ns: Int = np.int64(0)
    if data[here] == _DOT:
        here, ns = _fraction(data, here + 1)
    if here == UNSURE or data[here] != _Z:
        return UNSURE, np.int64(0)
    return here + 1, ts + ns


@compiled
def uuid(data: Bytes, here: Int) -> Int:
    """Pass over `a9188a0a-82bc-50de-be60-03eedbe3cdd7`; return where it ends, or `UNSURE`."""
    for n in range(_UUID_CHARS):
        byte = data[here]
        if n in _DASHES:
            if byte != _DASH:
                return UNSURE
        elif not (_ZERO <= byte <= _NINE or _A <= byte <= _F):
            return UNSURE
        here += 1
    return here


@compiled
def _digits(data: Bytes, here: Int, n: int, after: int) -> tuple[Int, Int]:
    """Read `n` digits and the byte after them, which 0 leaves open; `UNSURE` goes in and comes out."""
    value = np.int64(0)
    if here == UNSURE:
        return UNSURE, value
    for _ in range(n):
        if not _ZERO <= data[here] <= _NINE:
            return UNSURE, value
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if after == 0:
        return here, value
    return (here + 1, value) if data[here] == after else (UNSURE, value)


@compiled
def _fraction(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read one to nine decimals of a second; return where they end and the ns, or `UNSURE`."""
    start, value = here, np.int64(0)
    while _ZERO <= data[here] <= _NINE and here - start < _NS_DIGITS:
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or _ZERO <= data[here] <= _NINE:
        return UNSURE, np.int64(0)
    for _ in range(_NS_DIGITS - (here - start)):
        value *= 10
    return here, value
