"""Levels of a book as venues print them, read from bytes by compiled code.

Belongs here: a list of levels from where it begins. Does not: which list stands where (template, scan).

Each shape of a level has a loop of its own: what two of them share is a line here and a line there, and said once it
would go through as many arguments as it has words.
"""

from typing import Final

import numpy as np

from trading_assets.compiled import Int, compiled
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.clock_text import clock, seconds
from trading_assets.raw.decoding.number_text import UNSURE, Bytes, number
from trading_assets.raw.messages import Bools, Int8s, Int64s

_DOT, _QUOTE, _COMMA, _OPEN, _CLOSE = b'.",[]'
_REPUBLISHED: Final = np.frombuffer(b',"r"', np.uint8)
_SIDE: Final = np.frombuffer(b'{"side":"', np.uint8)
_BID: Final = np.frombuffer(b'bid","event_time":"', np.uint8)
_OFFER: Final = np.frombuffer(b'offer","event_time":"', np.uint8)
_PRICE: Final = np.frombuffer(b'","price_level":"', np.uint8)
_QUANTITY: Final = np.frombuffer(b'","new_quantity":"', np.uint8)
_CLOSE_OBJECT: Final = ord("}")


@compiled
def levels(  # noqa: PLR0911, PLR0913, PLR0917 -- compiled code takes arrays, not objects, and leaves at once
    data: Bytes,
    here: Int,
    side: Int,
    pair: Int,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Read `[["price","size"],...]` into pairs from `pair` on; return where it ends and the pair after the last."""
    if data[here] != _OPEN:
        return UNSURE, pair
    if data[here + 1] == _CLOSE:
        return here + 2, pair
    while data[here + 1] == _OPEN and data[here + 2] == _QUOTE:
        here, px, px_places = number(data, here + 3)
        if px == 0 or data[here] != _QUOTE or data[here + 1] != _COMMA or data[here + 2] != _QUOTE:
            return UNSURE, pair
        here, sz, sz_places = number(data, here + 3)
        if here == UNSURE or data[here] != _QUOTE or data[here + 1] != _CLOSE:
            return UNSURE, pair
        mantissas[pair, at.PX], decimals[pair, at.PX] = px, px_places
        mantissas[pair, at.SZ], decimals[pair, at.SZ] = sz, sz_places
        is_ask[pair] = side == 1
        pair += 1
        here += 2
        if data[here] == _CLOSE:
            return here + 1, pair
        if data[here] != _COMMA:
            return UNSURE, pair
    return UNSURE, pair


@compiled
def dated_levels(  # noqa: PLR0911, PLR0913, PLR0917 -- compiled code takes arrays, not objects, and leaves at once
    data: Bytes,
    here: Int,
    side: Int,
    pair: Int,
    row: Int64s,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Read `[["price","size","seconds"],...]`, some `,"r"` at their end, as `levels` does; keep the latest time."""
    if data[here] != _OPEN:
        return UNSURE, pair
    while data[here + 1] == _OPEN and data[here + 2] == _QUOTE:
        px_at = here + 3
        here, px, px_places = number(data, px_at)
        if px == 0 or data[here] != _QUOTE or data[here + 1] != _COMMA or data[here + 2] != _QUOTE:
            return UNSURE, pair
        row[at.PX_PLACES] = _printed(data, px_at, here)
        sz_at = here + 3
        here, sz, sz_places = number(data, sz_at)
        if here == UNSURE or data[here] != _QUOTE or data[here + 1] != _COMMA or data[here + 2] != _QUOTE:
            return UNSURE, pair
        row[at.SZ_PLACES] = _printed(data, sz_at, here)
        here, ts_event = seconds(data, here + 3)
        if here == UNSURE or data[here] != _QUOTE:
            return UNSURE, pair
        row[at.TS_EVENT] = max(row[at.TS_EVENT], ts_event)
        here = _after(data, here + 1, _REPUBLISHED) if data[here + 1] == _COMMA else here + 1
        if here == UNSURE or data[here] != _CLOSE:
            return UNSURE, pair
        mantissas[pair, at.PX], decimals[pair, at.PX] = px, px_places
        mantissas[pair, at.SZ], decimals[pair, at.SZ] = sz, sz_places
        is_ask[pair] = side == 1
        pair += 1
        here += 1
        if data[here] == _CLOSE:
            return here + 1, pair
        if data[here] != _COMMA:
            return UNSURE, pair
    return UNSURE, pair


@compiled
def named_levels(  # noqa: C901, PLR0911, PLR0912, PLR0913, PLR0917 -- as dated_levels
    data: Bytes,
    here: Int,
    pair: Int,
    row: Int64s,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Read levels that are objects, as `levels` does, bids before offers; keep the latest time."""
    if data[here] != _OPEN:
        return UNSURE, pair
    ask = False
    while True:
        here = _after(data, here + 1, _SIDE)
        if here == UNSURE:
            return UNSURE, pair
        if not ask and data[here] == _BID[0]:
            here = _after(data, here, _BID)
        else:
            here, ask = _after(data, here, _OFFER), True
        if here == UNSURE:
            return UNSURE, pair
        here, ts_event = clock(data, here)
        if here == UNSURE:
            return UNSURE, pair
        row[at.TS_EVENT] = max(row[at.TS_EVENT], ts_event)
        here = _after(data, here, _PRICE)
        if here == UNSURE:
            return UNSURE, pair
        here, px, px_places = number(data, here)
        if px == 0:
            return UNSURE, pair
        here = _after(data, here, _QUANTITY)
        if here == UNSURE:
            return UNSURE, pair
        here, sz, sz_places = number(data, here)
        if here == UNSURE or data[here] != _QUOTE or data[here + 1] != _CLOSE_OBJECT:
            return UNSURE, pair
        mantissas[pair, at.PX], decimals[pair, at.PX] = px, px_places
        mantissas[pair, at.SZ], decimals[pair, at.SZ] = sz, sz_places
        is_ask[pair] = ask
        pair += 1
        here += 2
        if data[here] == _CLOSE and row[at.TS_EVENT] > 0:
            return here + 1, pair
        if data[here] != _COMMA:
            return UNSURE, pair


@compiled
def _after(data: Bytes, here: Int, text: Bytes) -> Int:
    """Return where a text that must stand here ends, or `UNSURE`."""
    for byte in text:
        if data[here] != byte:
            return UNSURE
        here += 1
    return here


@compiled
def _printed(data: Bytes, here: Int, end: Int) -> Int:
    """Count the printed decimals of a number."""
    while here < end and data[here] != _DOT:
        here += 1
    return max(end - here - 1, 0)
