"""Times that venues send as text, as exact ns since the epoch.

Belongs here: the two forms in use. Does not: times sent as JSON numbers (wire).
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from trading_assets.venues.wire import INT64_MAX, Reason, refuse

_NS_PER_S: Final = 10**9
_NS_DIGITS: Final = 9
_SECONDS: Final = re.compile(r"([1-9][0-9]{0,9})\.([0-9]{1,9})")
_DATED: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII
)


def unix_seconds(value: object) -> int:
    """Read `"1582905486.493008"`, seconds since the epoch with up to nine decimals, or refuse the line."""
    if type(value) is not str:
        refuse(Reason.WRONG_TYPE)
    match = _SECONDS.fullmatch(value)
    if match is None:
        refuse(Reason.NOT_A_NUMBER)
    return _in_range(int(match[1]) * _NS_PER_S + _fraction(match[2]))


@lru_cache(maxsize=64)  # all levels of a book carry one time
def rfc3339(value: str) -> int:
    """Read `"2026-08-09T21:05:48.228568804Z"`, a UTC time with up to nine decimals, or refuse the line."""
    match = _DATED.fullmatch(value)
    if match is None:
        refuse(Reason.WRONG_TYPE)
    try:
        whole = datetime(*map(int, match.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type, misc]  # six numbers
    except ValueError:
        refuse(Reason.OUT_OF_RANGE)
    return _in_range(int(whole.timestamp()) * _NS_PER_S + _fraction(match[7] or "0"))


def _fraction(digits: str) -> int:
    return int(digits.ljust(_NS_DIGITS, "0"))


def _in_range(ts: int) -> int:
    """Let a time from the epoch on pass; the epoch itself is how some venues say that they do not know."""
    return ts if 0 <= ts <= INT64_MAX else refuse(Reason.OUT_OF_RANGE)
